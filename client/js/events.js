/**
 * Events calls listeners by the name of an event. One that throws is reported
 * and costs nobody else the event, nor the reader its turn. (An EventTarget of
 * Node would end the process.)
 */
export class Events {
  #listeners = new Map(); // name → Set of functions
  #report;

  /** report(error, name) is told of what listeners throw. */
  constructor(report = (error, name) => console.error(`listener of ${name}:`, error)) {
    this.#report = report;
  }

  /** Adds a listener and returns a function that removes it. */
  on(name, listener) {
    if (typeof listener !== 'function') throw new TypeError(`listener of ${name} is no function`);
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.off(name, listener);
  }

  off(name, listener) {
    this.#listeners.get(name)?.delete(listener);
  }

  emit(name, event) {
    const all = this.#listeners.get(name);
    if (!all) return;
    for (const listener of all) {
      try {
        const later = listener(event);
        if (later instanceof Promise) later.catch((error) => this.#blame(error, name));
      } catch (error) {
        this.#blame(error, name);
      }
    }
  }

  #blame(error, name) {
    try {
      this.#report(error, name);
    } catch {
      // Who reports is not reported.
    }
  }
}
