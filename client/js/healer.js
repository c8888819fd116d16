import { healDoublings } from './limits.js';
import { resumes } from './requests.js';

/**
 * A Healer resumes what is broken from its last good place, at most once per hb
 * interval. Where only the sum disagrees, and goes on to, it waits twice as long each
 * time: a server that adds wrongly is not asked for its ring at every beat.
 */
export class Healer {
  #proof;
  #outbox;
  #timers;
  #refused; // (failed) of tokens given up
  #at = -Infinity;
  #vain = 0; // heals in a row that no sum agreed with
  #busy = false;

  constructor(proof, outbox, timers) {
    this.#proof = proof;
    this.#outbox = outbox;
    this.#timers = timers;
  }

  /** Called when something broke, and at every hb: later is soon enough. */
  heal(welcome) {
    const now = this.#timers.now();
    const pauseMs = welcome.hb_ms * 2 ** Math.max(0, this.#vain - 1);
    if (this.#busy || !this.#proof.isBroken || now - this.#at < pauseMs) return;
    this.#at = now;
    const broken = this.#proof.entries().filter((e) => e.broken);
    const bySum = broken.every((e) => e.broken === 'sum');
    this.#vain = bySum ? Math.min(this.#vain + 1, healDoublings) : 0;
    this.#run(resumes(broken, welcome));
  }

  /** An hb agreed: the account is whole again. */
  healed() {
    this.#vain = 0;
  }

  async #run(requests) {
    this.#busy = true;
    await Promise.allSettled(this.#outbox.askFirst(requests));
    this.#busy = false;
  }
}
