import assert from 'node:assert/strict';

/**
 * The naive twin: it sees only what a consumer sees, and holds that to be whole.
 * Every tick follows the one before it, or what lies between was told.
 */
export class Twin {
  #at = new Map(); // token → seq of the last told of
  seen = 0; // told of in any way

  constructor(stream) {
    stream.on('tick', (t) => this.move(t.token, t.seq, t.seq));
    stream.on('skip', (e) => this.move(e.token, e.seq - e.count, e.seq - 1));
    stream.on('gap', (e) => {
      if (e.reason === 'epoch') this.#at.set(e.token, 0);
      if (e.to >= e.from) this.move(e.token, e.from, e.to);
    });
    stream.on('snap', (t) => {
      const at = this.#at.get(t.token) ?? t.seq;
      this.#at.set(t.token, at);
      if (t.seq > at) this.move(t.token, at + 1, t.seq);
    });
  }

  /** An ack gave seq as the baseline of token; ticks may have come before it was read. */
  begin(token, seq) {
    if (!this.#at.has(token)) this.#at.set(token, seq);
    assert.ok(this.#at.get(token) >= seq, `${token} is at ${this.#at.get(token)}`);
  }

  place(token) {
    return this.#at.get(token);
  }

  move(token, from, to) {
    const at = this.#at.get(token) ?? from - 1;
    assert.equal(from, at + 1, `${token} goes on with ${from}…${to}`);
    this.#at.set(token, to);
    this.seen += to - from + 1;
  }
}
