import { copy, mark, say } from './dom.js';
import { Spark } from './spark.js';
import { price, whole } from './words.js';

const flashMsMin = 120; // from one flash of a price to the next

/**
 * A Row is one token of the watchlist. Ticks only change what it knows; what is seen of it
 * changes in paint, at most once per frame and only where it differs.
 */
export class Row {
  isDirty = false; // it knows more than it shows
  isSeen = false; // it is within the visible part of the list
  isOrphan = false; // the server does not hold it

  #tick = null;
  #first; // price that changes are counted from, a double
  #shown = null; // the price that is shown, a Decimal
  #skipped = 0;
  #gapped = 0;
  #fault = '';
  #flashAt = 0;
  #flash = 0;
  #spark;
  #last;
  #change;
  #percent;
  #bid;
  #ask;
  #note;

  constructor(token) {
    this.token = token;
    this.element = copy('row');
    const find = (selector) => this.element.querySelector(selector);
    const text = (selector) => find(selector).appendChild(document.createTextNode(''));
    this.#last = text('.last i');
    this.#change = text('.change i');
    this.#percent = text('.change small');
    this.#bid = text('.bid i');
    this.#ask = text('.ask i');
    this.#note = find('.token small');
    this.#spark = new Spark(find('canvas'));
    this.flashed = find('.last i');
    this.way = find('.change');
    find('.token b').textContent = token;
    find('.token b').title = token;
    find('.remove').setAttribute('aria-label', `Remove ${token}`);
  }

  /** A tick or snap came. now is in ms. */
  take(tick, now) {
    this.#tick = tick;
    if (!this.#spark.wants(now)) return;
    const n = tick.ltp?.toNumber();
    if (n === undefined) return;
    this.#first ??= n;
    this.#spark.put(n, now);
  }

  skipped(count) {
    this.#skipped += count;
  }

  /** Ticks that can't be had any more; 0: nobody knows how many. */
  gapped(count) {
    this.#gapped += Math.max(1, count);
  }

  /** What is wrong with the token, or ''. */
  set fault(text) {
    this.#fault = text;
  }

  /** The canvas has another size or the page other colours. */
  resize() {
    this.#spark.resize();
  }

  paint(now) {
    this.#paintNote();
    if (this.#spark.isStale) this.#spark.draw();
    const t = this.#tick;
    const ltp = t?.ltp;
    if (!ltp) return;
    const before = this.#shown;
    if (before !== null && ltp.n === before.n && ltp.exp === before.exp) {
      this.#paintSides(t);
      return;
    }
    this.#shown = ltp;
    this.#last.data = price(ltp);
    this.#paintChange(ltp);
    this.#paintSides(t);
    if (before !== null && now - this.#flashAt >= flashMsMin) {
      this.#flashAt = now;
      this.#flash ^= 1;
      this.flashed.dataset.flash = (ltp.compare(before) < 0 ? 'down' : 'up') + this.#flash;
    }
  }

  #paintChange(ltp) {
    const n = ltp.toNumber();
    this.#first ??= n;
    const difference = n - this.#first;
    const digits = Math.min(12, Math.max(0, -ltp.exp));
    const percent = this.#first === 0 ? 0 : 100 * difference / Math.abs(this.#first);
    this.#change.data = signed(difference, digits);
    this.#percent.data = `${signed(percent, 2)} %`;
    const way = difference > 0 ? 'up' : 'down';
    mark(this.way, 'way', difference === 0 ? undefined : way);
  }

  #paintSides({ bid, ask }) {
    const [b, a] = [price(bid), price(ask)];
    if (this.#bid.data !== b) this.#bid.data = b;
    if (this.#ask.data !== a) this.#ask.data = a;
  }

  #paintNote() {
    const parts = [];
    if (this.#fault) parts.push(this.#fault);
    if (this.#gapped) parts.push(`gap ${whole(this.#gapped)}`);
    if (this.#skipped) parts.push(`skipped ${whole(this.#skipped)}`);
    say(this.#note, parts.join(', '));
  }
}

function signed(n, digits) {
  const text = Math.abs(n).toFixed(digits);
  if (n > 0) return `+${text}`;
  return n < 0 ? `−${text}` : text;
}
