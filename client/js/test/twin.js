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
      if (t.seq > this.#at.get(t.token)) this.move(t.token, this.#at.get(t.token) + 1, t.seq);
    });
  }

  /** An ack gave seq as the baseline of token. */
  begin(token, seq) {
    this.#at.set(token, seq);
  }

  place(token) {
    return this.#at.get(token);
  }

  move(token, from, to) {
    assert.equal(from, this.#at.get(token) + 1, `${token} goes on with ${from}…${to}`);
    this.#at.set(token, to);
    this.seen += to - from + 1;
  }
}
