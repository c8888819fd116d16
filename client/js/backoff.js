import { backoffMaxMs, backoffMinMs, retryAfterMaxMs, spread } from './limits.js';

const again = new Set([1001, 1006, 1011, 1012, 1013, 3005, 3008]);

/**
 * Whether a connection closed with code is to be opened anew. The list is the
 * protocol's; a code it does not name is final.
 */
export function reconnects(code) {
  return again.has(code);
}

/**
 * A Backoff is the pause before the next attempt: as long as the server asked for,
 * or random from nothing up to a bound that doubles from min to max, so that clients
 * of a server that went do not come back in step.
 */
export class Backoff {
  #min;
  #max;
  #random;
  #bound = 0;

  constructor({ min = backoffMinMs, max = backoffMaxMs, random = Math.random } = {}) {
    this.#min = min;
    this.#max = Math.max(min, max);
    this.#random = random;
  }

  /** Milliseconds to wait. The server's own wish counts, with up to a quarter more. */
  next(askedMs = 0) {
    if (askedMs > 0) {
      return Math.min(askedMs, retryAfterMaxMs) * (1 + spread * this.#random());
    }
    this.#bound = Math.min(Math.max(2 * this.#bound, this.#min), this.#max);
    return this.#random() * this.#bound;
  }

  reset() {
    this.#bound = 0;
  }
}
