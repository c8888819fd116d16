import { $, el, say } from './dom.js';
import { explain, whole } from './words.js';

const shownMax = 50;
const addedMax = 500; // at once
const sortedMax = 5000; // more than that stay as the server sorts them
const byNumber = new Intl.Collator('en', { numeric: true }); // NSE:2 before NSE:10
const freshMs = 10_000; // for so long the list of tokens is not asked for again

/**
 * A Search finds tokens that the server knows, by any part of their names: a combobox
 * with a list (ARIA Authoring Practices).
 */
export class Search {
  #api;
  #watchlist;
  #tokens = []; // {name, low}
  #askedAt = -Infinity;
  #asking; // one request for all who want to know
  #found = [];
  #choice = -1;
  #fault = '';

  constructor(api, watchlist) {
    this.#api = api;
    this.#watchlist = watchlist;
    const input = $('search');
    input.addEventListener('focus', () => this.#open());
    input.addEventListener('input', () => this.#find());
    input.addEventListener('keydown', (e) => this.#key(e));
    input.addEventListener('blur', () => this.#close());
    // The input keeps the focus: a click on the list must not close it first.
    $('found').addEventListener('pointerdown', (e) => e.preventDefault());
    $('found').addEventListener('click', (e) => {
      const li = e.target.closest('li[role="option"]');
      if (li) this.#take(Number(li.dataset.at));
    });
  }

  /** Names of tokens, at most n; asks the server if they are not fresh. */
  async some(n) {
    await this.#refresh();
    return this.#tokens.slice(0, n).map((t) => t.name);
  }

  focus() {
    $('search').focus();
    $('search').select();
  }

  async #refresh() {
    if (performance.now() - this.#askedAt < freshMs) return;
    this.#asking ??= this.#ask();
    await this.#asking;
    this.#asking = undefined;
  }

  async #ask() {
    try {
      const { tokens } = await this.#api.get('/api/v1/tokens');
      if (tokens.length <= sortedMax) tokens.sort(byNumber.compare);
      this.#tokens = tokens.map((name) => ({ name, low: name.toLowerCase() }));
      this.#fault = '';
      this.#askedAt = performance.now();
    } catch (error) {
      this.#fault = explain(error);
    }
  }

  async #open() {
    this.#find();
    await this.#refresh();
    if (document.activeElement === $('search')) this.#find();
  }

  #close() {
    $('found').hidden = true;
    $('search').setAttribute('aria-expanded', 'false');
    $('search').removeAttribute('aria-activedescendant');
  }

  #find() {
    const words = $('search').value.trim().toLowerCase();
    const first = [];
    const rest = [];
    for (const t of this.#tokens) {
      const at = t.low.indexOf(words);
      if (at === 0) first.push(t.name);
      else if (at > 0) rest.push(t.name);
    }
    this.#found = first.concat(rest);
    this.#choice = words && this.#found.length ? 0 : -1;
    this.#show();
  }

  #show() {
    const list = this.#found.slice(0, shownMax).map((name, i) => option(i, name,
      this.#watchlist.has(name) ? 'watched' : ''));
    const many = this.#fresh().length;
    if (many > 1) {
      const text = `Add ${this.#found.length > many ? 'the other ' : 'all '}${whole(many)}`;
      const li = option(list.length, text, '');
      li.className = 'all';
      list.push(li);
    }
    if (list.length === 0) {
      const text = this.#fault || (this.#tokens.length ? 'No token has this in its name.'
        : 'No tokens are known yet.');
      list.push(el('li', { class: 'none' }, text));
    }
    $('found').replaceChildren(...list);
    $('found').hidden = false;
    $('search').setAttribute('aria-expanded', 'true');
    this.#choose(this.#choice);
  }

  /** Of those found, those that are not watched, as many as may be added at once. */
  #fresh() {
    return this.#found.filter((t) => !this.#watchlist.has(t)).slice(0, addedMax);
  }

  #choose(i) {
    const options = [...$('found').querySelectorAll('[role="option"]')];
    this.#choice = Math.min(i, options.length - 1);
    options.forEach((li, k) => li.setAttribute('aria-selected', String(k === this.#choice)));
    const chosen = options[this.#choice];
    if (!chosen) {
      $('search').removeAttribute('aria-activedescendant');
      return;
    }
    chosen.scrollIntoView({ block: 'nearest' });
    $('search').setAttribute('aria-activedescendant', chosen.id);
  }

  #key(e) {
    switch (e.key) {
      case 'ArrowDown': this.#choose(this.#choice + 1); break;
      case 'ArrowUp': this.#choose(Math.max(0, this.#choice - 1)); break;
      case 'Enter': this.#enter(); break;
      case 'Escape': this.#escape(); break;
      default: return;
    }
    e.preventDefault();
    e.stopPropagation();
  }

  #enter() {
    const names = $('search').value.split(',').map((s) => s.trim()).filter(Boolean);
    if (names.length > 1) this.#add(names);
    else if (this.#choice >= 0) this.#take(this.#choice);
    else if (names.length === 1) this.#add(names); // it may become known later
  }

  #escape() {
    if (!$('found').hidden && $('search').value === '') this.#close();
    else if ($('search').value !== '') {
      $('search').value = '';
      this.#find();
    } else $('search').blur();
  }

  #take(i) {
    const shown = Math.min(this.#found.length, shownMax);
    if (i < shown) this.#add([this.#found[i]]);
    else this.#add(this.#fresh());
  }

  #add(names) {
    $('search').value = '';
    this.#watchlist.add(names);
    this.#find();
    say($('watch-said'), names.length === 1 ? `${names[0]} added` : `${names.length} tokens added`);
  }
}

function option(at, text, note) {
  const li = el('li', { role: 'option', id: `found-${at}`, 'data-at': at,
    'aria-selected': 'false' }, text);
  if (note) li.append(el('small', {}, note));
  return li;
}
