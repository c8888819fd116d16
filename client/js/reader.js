import { parseRecord } from './decode.js';
import { Tick } from './tick.js';

/**
 * A Reader takes what the server sends, enters it into the Proof, and gives it
 * on. It owns no connection: one Reader serves all of a stream's.
 *
 *   frame ──▶ Proof ──▶ tick, snap, skip, gap      unless withheld
 *                └────▶ hole                       when something is missing
 */
export class Reader {
  feed = undefined; // by the connection's last hb: live, stale, down

  #proof;
  #emit; // (name, event)
  #hole; // () when tokens are newly broken
  #beat; // (difference) at each hb: what Proof.check said

  constructor(proof, { emit, hole, beat }) {
    this.#proof = proof;
    this.#emit = emit;
    this.#hole = hole;
    this.#beat = beat;
  }

  /** The connection has ended: nothing is known of the feed. */
  disconnected() {
    this.#fed(undefined, null);
  }

  /** A binary frame. Throws what parseRecord does. */
  record(bytes) {
    const fields = parseRecord(bytes, this.#proof.epoch);
    const e = this.#proof.ofRef(fields.ref);
    if (!e) {
      this.#proof.strays++;
      return;
    }
    this.#price(e, new Tick({ ...fields, token: e.token }));
  }

  /** One piece of the answer to a request. */
  ack(request, event) {
    const { refused, late } = this.#proof.ack(request, event);
    if (refused.length > 0) this.#emit('refused', { failed: refused });
    for (const { entry, seq } of late) {
      if (!entry.broken) this.#broke(entry, 'ack', entry.last + 1, seq);
    }
  }

  /** A text frame that is no answer to a request. */
  event(event, text) {
    switch (event.type) {
      case 'tick':
      case 'snap':
        return this.#of(event, (e) => this.#price(e, new Tick(event, text)));
      case 'skip':
        return this.#of(event, (e) => this.#skip(e, event));
      case 'gap':
        return this.#gap(event);
      case 'hb':
        return this.#hb(event);
      case 'msg':
        return this.#emit('message', event);
      case 'drain':
      case 'error':
      case 'roster':
      case 'presence':
        return this.#emit(event.type, event);
    }
    return undefined; // a type of a later server
  }

  #of(event, take) {
    const e = this.#proof.find(event.token);
    if (!e?.held) this.#proof.strays++;
    else if (!e.broken) take(e);
  }

  #price(e, tick) {
    if (e.broken) return;
    if (tick.type === 'snap') {
      if (e.snap(tick.seq)) this.#emit('snap', tick);
      else this.#broke(e, 'snap', e.last + 1, tick.seq - 1);
      return;
    }
    const what = e.tick(tick.seq);
    if (what === 'next') this.#emit('tick', tick);
    else if (what === 'late') this.#broke(e, 'tick', e.last + 1, tick.seq - 1);
  }

  #skip(e, event) {
    if (e.skip(event.count, event.seq)) this.#emit('skip', event);
    else this.#broke(e, 'skip', e.last + 1, event.seq - 1);
  }

  #gap(event) {
    if (event.token === undefined && event.dropped !== undefined) {
      this.#emit('missed', event); // messages, which are no matter of this account
      return;
    }
    if (event.reason === 'feed') {
      this.#emit('gap', event); // the feed's own numbers: no matter of this account
      return;
    }
    this.#of(event, (e) => {
      if (e.gap(event.from, event.to, event.reason)) this.#emit('gap', event);
      else this.#broke(e, 'gap', e.last + 1, event.from - 1);
    });
  }

  #broke(e, cause, from, to) {
    this.#proof.fail(e, cause);
    this.#emit('incomplete', { cause, token: e.token, from, to });
    this.#hole();
  }

  #hb(event) {
    const was = this.#proof.complete();
    const difference = this.#proof.check(event);
    if (difference) this.#emit('incomplete', { cause: 'sum', difference });
    if (was !== true && this.#proof.complete()) this.#emit('complete', this.#proof.report());
    this.#emit('hb', event);
    this.#fed(event.feed, event.age_ms);
    this.#beat(difference);
  }

  #fed(feed, age_ms) {
    if (feed === this.feed) return;
    const before = this.feed;
    this.feed = feed;
    this.#emit('feed', { feed, before, age_ms });
  }
}
