import { opsBurst, opsPerSecond } from './limits.js';

/**
 * A Pace keeps requests within what the server takes of one stream: a burst, then
 * so many per second. The server counts on arrival, so it may still refuse one.
 */
export class Pace {
  #timers;
  #rate; // per ms
  #burst;
  #left;
  #at;

  constructor(timers, limits = {}) {
    this.#timers = timers;
    this.#rate = (limits.ops_per_s || opsPerSecond) / 1000;
    this.#burst = limits.ops_burst || opsBurst;
    this.#left = this.#burst;
    this.#at = timers.now();
  }

  /** Waits until one request more may be sent; false if the timers end before. */
  async take() {
    const now = this.#timers.now();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#rate);
    this.#at = now;
    this.#left--;
    if (this.#left >= 0) return true;
    return this.#timers.sleep(Math.ceil(-this.#left / this.#rate));
  }
}
