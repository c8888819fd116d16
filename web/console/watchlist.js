import { EndedError } from './client/index.js';
import { $, el, mark, say, toast } from './dom.js';
import { Painter } from './painter.js';
import { Row } from './row.js';
import { explain, whole } from './words.js';

const unknownToken = 102;
const pageRows = 10; // of PageUp and PageDown

/**
 * A Watchlist holds rows, and the tokens of whichever stream there is. Its names are
 * kept in localStorage by username: they are no secret of the session.
 *
 * The list is a grid by the keyboard: one row can be reached by Tab, arrows move on.
 */
export class Watchlist {
  #key;
  #rows = new Map(); // token → Row, as shown
  #byElement = new Map();
  #painter = new Painter();
  #sight;
  #stream = null;
  #asked = new Set(); // tokens on their way into a stream
  #current = null; // the row that Tab reaches
  #changed;

  /** changed() is called when there are other tokens than before. */
  constructor(username, changed) {
    this.#key = `azira.watch.${username}`;
    this.#changed = changed;
    this.#sight = new IntersectionObserver((seen) => this.#see(seen),
      { root: $('grid'), rootMargin: '84px 0px' });
    const rows = $('rows');
    rows.addEventListener('keydown', (e) => this.#press(e));
    rows.addEventListener('focusin', (e) => this.#reach(this.#of(e.target)));
    rows.addEventListener('click', (e) => {
      if (e.target.closest('.remove')) this.remove(this.#of(e.target).token);
    });
    const anew = () => this.#repaint();
    new ResizeObserver(anew).observe($('grid'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', anew);
    this.#show(read(this.#key));
    this.#count();
  }

  get tokens() {
    return [...this.#rows.keys()];
  }

  has(token) {
    return this.#rows.has(token);
  }

  /** Takes a new stream, and asks it for everything. */
  use(stream) {
    this.#stream = stream;
    this.#asked = new Set();
    const price = (tick) => {
      const row = this.#rows.get(tick.token);
      if (row === undefined) return;
      row.take(tick, performance.now());
      this.#painter.mark(row);
    };
    stream.on('tick', price);
    stream.on('snap', price);
    stream.on('skip', ({ token, count }) => this.#at(token, (row) => row.skipped(count)));
    stream.on('gap', ({ token, from, to }) => this.#at(token, (row) => row.gapped(to - from + 1)));
    stream.on('refused', ({ failed }) => this.#refused(failed));
    this.retry();
  }

  /** The prices shown are not those of now, and why: or they are ('' or undefined). */
  set old(why) {
    mark($('rows'), 'old', why || undefined);
  }

  /** Asks again for what the stream does not hold. */
  retry() {
    const held = new Set(this.#stream?.tokens ?? []);
    this.#hold(this.tokens.filter((t) => !held.has(t) && !this.#asked.has(t)));
  }

  /** Adds tokens, and goes to the first of them. */
  add(tokens) {
    const added = this.#show(tokens.filter((t) => !this.#rows.has(t)));
    this.#save();
    this.#hold(added);
    const row = this.#rows.get(tokens[0]);
    if (row) {
      this.#reach(row);
      row.element.scrollIntoView({ block: 'nearest' });
    }
  }

  remove(token) {
    const row = this.#rows.get(token);
    if (!row) return;
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    const hadFocus = row.element.contains(document.activeElement);
    this.#sight.unobserve(row.element);
    this.#byElement.delete(row.element);
    this.#rows.delete(token);
    row.isSeen = false;
    row.element.remove();
    if (this.#current === row) this.#reach(this.#byElement.get(next));
    if (hadFocus) (next ?? $('search')).focus();
    this.#save();
    this.#give(token, row);
  }

  focus() {
    (this.#current?.element ?? $('search')).focus();
  }

  #show(tokens) {
    const all = document.createDocumentFragment();
    const added = [];
    for (const token of tokens) {
      if (this.#rows.has(token)) continue;
      const row = new Row(token);
      this.#rows.set(token, row);
      this.#byElement.set(row.element, row);
      this.#sight.observe(row.element);
      all.append(row.element);
      added.push(token);
      if (!this.#current) this.#reach(row);
    }
    $('rows').append(all);
    return added;
  }

  async #hold(tokens) {
    const stream = this.#stream;
    if (!stream || stream.ended || tokens.length === 0) return;
    const asked = this.#asked;
    for (const t of tokens) asked.add(t);
    try {
      const { ok, failed } = await stream.subscribe(tokens);
      for (const { token } of ok) {
        if (!this.#rows.has(token)) this.#give(token);
        else this.#at(token, (row) => this.#fault(row, ''));
      }
      this.#refused(failed);
    } catch (error) {
      if (!(error instanceof EndedError)) toast(explain(error), 'bad');
    } finally {
      for (const t of tokens) asked.delete(t);
    }
  }

  async #give(token) {
    try {
      if (this.#stream?.tokens.includes(token)) await this.#stream.unsubscribe(token);
    } catch (error) {
      if (!(error instanceof EndedError)) toast(explain(error), 'bad');
    }
  }

  #refused(failed) {
    for (const { token, code, error } of failed) {
      const text = code === unknownToken ? 'not known yet' : error;
      this.#at(token, (row) => this.#fault(row, text));
    }
  }

  #fault(row, text) {
    row.fault = text;
    mark(row.element, 'old', text || undefined);
  }

  #at(token, change) {
    const row = this.#rows.get(token);
    if (!row) return;
    change(row);
    this.#painter.mark(row);
  }

  #see(seen) {
    for (const { target, isIntersecting } of seen) {
      const row = this.#byElement.get(target);
      if (row) this.#painter.see(row, isIntersecting);
    }
  }

  #repaint() {
    for (const row of this.#rows.values()) {
      row.resize();
      this.#painter.mark(row);
    }
  }

  #of(target) {
    return this.#byElement.get(target.closest('.row'));
  }

  #reach(row) {
    if (row === this.#current) return;
    if (this.#current) this.#current.element.tabIndex = -1;
    this.#current = row ?? null;
    if (row) row.element.tabIndex = 0;
  }

  #press(e) {
    const row = this.#of(e.target);
    if (!row || e.ctrlKey || e.altKey || e.metaKey) return;
    const all = $('rows').children;
    const at = Array.prototype.indexOf.call(all, row.element);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1,
      PageDown: at + pageRows, PageUp: at - pageRows }[e.key];
    if (to !== undefined) {
      all[Math.min(Math.max(to, 0), all.length - 1)].focus();
    } else if (e.key === 'Delete' || e.key === 'Backspace') {
      this.remove(row.token);
    } else {
      return;
    }
    e.preventDefault();
  }

  #save() {
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.tokens));
    } catch {
      // No room or no permission: the list lasts as long as the page.
    }
    this.#count();
  }

  #count() {
    const n = this.#rows.size;
    say($('watch-count'), n === 0 ? '' : whole(n));
    $('grid').hidden = n === 0;
    $('empty').hidden = n !== 0;
    this.#changed();
  }
}

function read(key) {
  try {
    const list = JSON.parse(localStorage.getItem(key));
    return Array.isArray(list) ? list.filter((t) => typeof t === 'string') : [];
  } catch {
    return [];
  }
}

/** Buttons for some tokens, to begin with. */
export function suggest(tokens, add) {
  say($('empty-text'), tokens.length
    ? 'Search for a token above, or begin with some of those that the feed carries:'
    : 'The feed has carried no token yet.');
  $('suggested').replaceChildren(...tokens.map((token) => {
    const b = el('button', { type: 'button' }, token);
    b.addEventListener('click', () => add([token]));
    return b;
  }));
}
