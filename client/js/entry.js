/**
 * An Entry is the account of one token: what was published since its baseline,
 * and what became of it. In every epoch
 *
 *   received + skipped + gapped + lost = high - base
 *
 *   base ──┬───────────────────┬───────────▶ seq
 *          │ accounted for     │ high       last: where this stream is; below
 *          └───────────────────┘            high only while a resume repeats
 *
 * `last` is what the server was heard to say last; `high` the most of it in this
 * epoch. Nothing up to high is given to the consumer twice.
 */
export class Entry {
  held = false; // the server has confirmed it on this connection
  broken = undefined; // why its ticks are withheld until it is resumed
  awaitsSnap = false; // subscribed anew, and its snap did not come yet

  epoch = 0;
  base = 0;
  last = 0;
  high = 0;
  earlier = 0; // published in epochs before this one, since the baseline

  received = 0;
  skipped = 0;
  gapped = 0;
  lost = 0;
  doubled = 0; // came again; not given to the consumer

  #back; // {epoch, seq} to resume from until the gap that tells of a new epoch has come
  #isLost = false; // the server will not resume it

  constructor(token, ref, options) {
    this.token = token;
    this.ref = ref;
    this.options = options; // {mode, max_rate, snapshot} of the wire
  }

  get published() {
    return this.earlier + this.high - this.base;
  }

  /** Where a resume begins: {epoch, seq}, or undefined if it has to begin anew. */
  get resumeAt() {
    if (this.#isLost) return undefined;
    return this.#back ?? { epoch: this.epoch, seq: this.last };
  }

  /**
   * A subscribe that began anew was confirmed with seq as its baseline. Of a token
   * known in this epoch seq is where it was before: false if ticks up to seq are missing.
   */
  began(seq, epoch, snapshot) {
    this.awaitsSnap = snapshot;
    if (epoch !== this.epoch || seq < this.last) {
      this.#rebase(seq, epoch);
    } else if (seq > this.last) {
      this.held = true;
      if (!this.#isLost) return false;
      this.#cover(seq, 'lost'); // it was asked for in vain
    }
    this.#answered(undefined);
    return true;
  }

  /** A resume from at = {epoch, seq} was confirmed. In another epoch gap and snap follow. */
  resumed(at, seq, epoch) {
    if (at.epoch === epoch) {
      if (seq > this.high) this.#cover(seq, 'lost'); // it was not asked to jump
      this.last = seq;
      this.#answered(undefined);
      return;
    }
    this.#rebase(seq, epoch);
    this.#answered(at);
  }

  /** Says what the tick is: 'next', 'again', or 'late' if one before it is missing. */
  tick(seq) {
    if (seq > this.last + 1) return 'late';
    this.#came();
    this.last = Math.max(this.last, seq);
    if (seq <= this.high) {
      this.doubled++;
      return 'again';
    }
    this.#cover(seq, 'received');
    return 'next';
  }

  /** False if ticks before it are missing. One that is further back sets the place back. */
  snap(seq) {
    if (seq > this.last + 1) return false;
    this.#came();
    if (seq > this.high) this.#cover(seq, 'received');
    this.last = seq;
    return true;
  }

  /** False if the ticks it speaks of are not those that are next. */
  skip(count, seq) {
    if (count < 0 || count !== seq - 1 - this.last) return false;
    this.#cover(seq - 1, 'skipped');
    return true;
  }

  /** False if ticks before it are missing. */
  gap(from, to, reason) {
    if (reason === 'epoch') {
      this.base = this.last = this.high = from - 1;
    } else if (from > this.last + 1) {
      return false;
    }
    this.#came();
    if (to >= from) this.#cover(to, 'gapped');
    return true;
  }

  /** The next resume is to begin anew: the server will not have the old place. */
  forget() {
    this.#isLost = true;
    this.broken ??= 'refused';
  }

  #answered(back) {
    this.held = true;
    this.broken = undefined;
    this.#isLost = false;
    this.#back = back;
  }

  #came() {
    this.awaitsSnap = false;
    this.#back = undefined;
  }

  #rebase(seq, epoch) {
    this.earlier += this.high - this.base;
    this.epoch = epoch;
    this.base = this.last = this.high = seq;
  }

  #cover(seq, what) {
    if (seq > this.high) {
      this[what] += seq - this.high;
      this.high = seq;
    }
    this.last = seq;
  }
}
