import { buffer } from './limits.js';

/**
 * A Mailbox stands between a reader that must not wait and a consumer that may.
 * It is the async iterator of `for await (const tick of stream.ticks())`.
 *
 * Up to limit ticks wait in order. When they are more, all but the newest of
 * each token are dropped and counted in `conflated`; so a consumer that falls
 * behind gets fresh prices, and memory is bounded by limit or twice the number
 * of tokens.
 */
export class Mailbox {
  conflated = 0;

  #limit;
  #full; // ticks at which the queue is conflated
  #queue = []; // from #head on they wait
  #head = 0;
  #takers = []; // of next, while the queue is empty
  #ended = false;
  #left; // told when the consumer leaves

  constructor(limit = buffer, left = () => {}) {
    this.#limit = Math.max(1, limit);
    this.#full = this.#limit;
    this.#left = left;
  }

  /** How many ticks wait. */
  get size() {
    return this.#queue.length - this.#head;
  }

  /** Hands a tick over. It never waits for the consumer. */
  put(tick) {
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker) {
      taker({ value: tick, done: false });
      return;
    }
    if (this.size >= this.#full) this.#conflate();
    this.#queue.push(tick);
  }

  /** Lets the consumer finish once it has taken what waits. */
  end() {
    this.#ended = true;
    for (const taker of this.#takers) taker({ value: undefined, done: true });
    this.#takers.length = 0;
  }

  next() {
    if (this.size > 0) return Promise.resolve({ value: this.#take(), done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Called by `break`: what waits is dropped. */
  return() {
    this.#queue = [];
    this.#head = 0;
    this.end();
    this.#left(this);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #take() {
    const tick = this.#queue[this.#head];
    this.#queue[this.#head++] = undefined;
    if (this.#head === this.#queue.length || this.#head >= 2 * this.#limit) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return tick;
  }

  #conflate() {
    const newest = new Map(); // token → its last tick
    for (let i = this.#head; i < this.#queue.length; i++) {
      newest.set(this.#queue[i].token, this.#queue[i]);
    }
    const before = this.size;
    this.#queue = this.#queue.slice(this.#head).filter((t) => newest.get(t.token) === t);
    this.#head = 0;
    this.conflated += before - this.#queue.length;
    // Half the room is free again, so that the walk is paid by many puts.
    this.#full = Math.max(this.#limit, 2 * this.#queue.length);
  }
}
