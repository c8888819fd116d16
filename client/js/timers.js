const system = {
  now: () => Date.now(),
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: (t) => clearTimeout(t),
};

/**
 * The Timers of one stream. After end none is left and none can be set: that a
 * closed stream keeps no process alive is seen to here alone.
 */
export class Timers {
  #clock;
  #live = new Map(); // timer → what its end means to a sleeper
  #ended = false;

  constructor(clock = system) {
    this.#clock = clock;
  }

  now() {
    return this.#clock.now();
  }

  /** Calls f in ms, unless the function returned is called before. */
  after(ms, f, ended = () => {}) {
    if (this.#ended) {
      ended();
      return () => {};
    }
    const t = this.#clock.setTimeout(() => {
      this.#live.delete(t);
      f();
    }, ms);
    this.#live.set(t, ended);
    return () => {
      this.#clock.clearTimeout(t);
      this.#live.delete(t);
    };
  }

  /** Resolves to true in ms, to false if the timers end before. */
  sleep(ms) {
    return new Promise((resolve) => {
      this.after(ms, () => resolve(true), () => resolve(false));
    });
  }

  end() {
    this.#ended = true;
    for (const [t, ended] of this.#live) {
      this.#clock.clearTimeout(t);
      ended();
    }
    this.#live.clear();
  }
}
