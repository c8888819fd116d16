import { Entry } from './entry.js';

const unknownToken = 102;
const badRequest = 107;

/**
 * A Proof is the account of all tokens of a stream over its connections. At each
 * hb the server says the sum of what it published to them; the account agrees, or
 * something was lost:
 *
 *   Σ last + pending = sum
 *
 * Where a tick is missing, the token is broken: what comes of it is withheld until
 * it was resumed from its last good place, so that the consumer gets every tick
 * once and in order. Who owns the Proof sees to that resume.
 */
export class Proof {
  unreadable = 0; // frames that were no JSON or no record
  strays = 0; // frames for tokens that are not held

  #entries = new Map(); // by token, in the order of subscribing
  #refs = new Map(); // ref → Entry, of this connection
  #epoch = 0;
  #isConnected = false;
  #proven; // by the last hb: true or false; undefined before the first
  #provedBy = null; // the last hb that agreed

  /** A connection begins: nothing is held on it yet. */
  connected(epoch) {
    this.disconnected();
    this.#isConnected = true;
    this.#epoch = epoch;
  }

  disconnected() {
    this.#isConnected = false;
    this.#refs.clear();
    this.#proven = undefined;
    for (const e of this.#entries.values()) e.held = false;
  }

  get epoch() {
    return this.#epoch;
  }

  /** The entries, held or to be resumed. */
  entries() {
    return [...this.#entries.values()];
  }

  find(token) {
    return this.#entries.get(token);
  }

  ofRef(ref) {
    return this.#refs.get(ref);
  }

  /**
   * Takes one piece of an answer to request. Returns `refused`, those of `failed` that
   * were held before and are given up now, for good; and `late`, the {entry, seq} of
   * tokens of which ticks up to seq are missing.
   */
  ack(request, event) {
    if (event.op === 'subscribe') return this.#subscribed(request, event);
    if (event.op === 'unsubscribe') for (const { token } of event.ok) this.#remove(token);
    return { refused: [], late: [] };
  }

  #subscribed(request, { ok, failed }) {
    const { mode, snapshot, max_rate } = request;
    const late = [];
    for (const { token, ref, seq } of ok) {
      const e = this.#entries.get(token) ?? new Entry(token, ref, undefined);
      e.options = { mode, snapshot, max_rate };
      e.ref = ref;
      this.#entries.set(token, e);
      this.#refs.set(ref, e);
      const from = request.from?.[token];
      if (from !== undefined) {
        e.resumed({ epoch: request.epoch, seq: from }, seq, this.#epoch);
      } else if (!e.began(seq, this.#epoch, snapshot !== false)) {
        late.push({ entry: e, seq });
      }
    }
    this.#proven = this.#proven === false ? undefined : this.#proven;
    return { refused: failed.filter((f) => this.#refused(f, request.own)), late };
  }

  // A token that is not held any more stays wanted while it may be had again:
  // unknown until the feed carries it, or with another place to begin from.
  #refused({ token, code }, own) {
    const e = this.#entries.get(token);
    if (!e || e.held && !own) return false;
    e.held = false;
    if (code === unknownToken) e.broken ??= 'unknown';
    else if (code === badRequest && e.resumeAt) e.forget();
    else this.#remove(token);
    return !this.#entries.has(token);
  }

  #remove(token) {
    const e = this.#entries.get(token);
    if (!e) return;
    this.#entries.delete(token);
    if (this.#refs.get(e.ref) === e) this.#refs.delete(e.ref);
  }

  /** A tick of e is missing, or what counts for one. */
  fail(e, cause) {
    e.broken ??= cause;
    this.#proven = false;
  }

  get isBroken() {
    return this.entries().some((e) => e.broken);
  }

  /**
   * Compares the account with an hb. Returns the difference: 0 proves that nothing
   * was lost, anything else breaks every token, since it does not say which.
   * undefined: a token was broken before, so that there is nothing to compare.
   */
  check({ ts, sum, pending }) {
    if (this.entries().some((e) => e.held && e.broken)) return undefined;
    const held = this.entries().filter((e) => e.held);
    const own = held.reduce((total, e) => total + e.last, 0);
    const difference = sum - own - pending;
    this.#proven = difference === 0;
    if (this.#proven) this.#provedBy = { ts, sum, pending };
    for (const e of held) {
      if (this.#proven) e.awaitsSnap = false; // a token without a value has none
      else this.fail(e, 'sum');
    }
    return difference;
  }

  /**
   * Whether every tick published since the subscribes is accounted for; undefined
   * until the first hb of a connection says so. What is lost stays so without one.
   */
  complete() {
    const all = this.entries();
    if (all.some((e) => e.lost > 0)) return false;
    if (!this.#isConnected) return undefined;
    if (all.some((e) => e.broken)) return false;
    return all.every((e) => e.held) ? this.#proven : undefined;
  }

  /** What complete() rests on. */
  report() {
    const all = this.entries();
    const total = (what) => all.reduce((n, e) => n + e[what], 0);
    return {
      complete: this.complete(),
      epoch: this.#epoch,
      hb: this.#provedBy,
      tokens: all.length,
      published: total('published'),
      received: total('received'),
      skipped: total('skipped'),
      gapped: total('gapped'),
      lost: total('lost'),
      doubled: total('doubled'),
      strays: this.strays,
      unreadable: this.unreadable,
      holes: all.filter((e) => e.broken || e.lost > 0)
        .map(({ token, last, lost, broken }) => ({ token, last, lost, cause: broken ?? 'lost' })),
    };
  }

  /** The account of one token; undefined if it is not held. */
  account(token) {
    const e = this.#entries.get(token);
    if (!e) return undefined;
    const { ref, epoch, last, published, received, skipped, gapped, lost, doubled } = e;
    const { mode = 'full', max_rate: maxRate = null } = e.options;
    return { token, ref, epoch, last, published, received, skipped, gapped, lost, doubled,
      mode, maxRate };
  }
}
