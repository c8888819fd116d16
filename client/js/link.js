import { Backoff, reconnects } from './backoff.js';
import { Connection } from './connection.js';
import { ConnectionError, HttpError } from './errors.js';
import { credentialMs, stableMs } from './limits.js';

/**
 * A Link keeps a stream connected: one Connection after the other, each with a
 * credential of its own, until one ends for good or close is called.
 *
 *   connect ──▶ ready(connection) ──▶ ended ──▶ lost ── pause ──┐
 *      ▲                                │                       │
 *      └────────────────────────────────┼───────────────────────┘
 *                                       └──▶ end, if no reconnect may help
 */
export class Link {
  #o; // {WebSocket, url(ticket), dialect, credential, reconnect, backoff, frames}
  #timers;
  #hooks; // ready(connection) async, lost({error, pauseMs}), end(error)
  #backoff;
  #connection; // the one in use or being opened
  #drainAt; // when the server asked to be called again
  #closed = false;

  constructor(o, timers, hooks) {
    this.#o = o;
    this.#timers = timers;
    this.#hooks = hooks;
    this.#backoff = new Backoff(o.backoff);
  }

  /** Makes the first connection, without trying twice, and keeps it from then on. */
  async open() {
    const first = await this.#connect();
    this.#keep(first);
    return first.welcome;
  }

  /** The server is going and wants to be called again in ms, not before. */
  drain(ms) {
    this.#drainAt = this.#timers.now() + ms;
  }

  close() {
    this.#closed = true;
    this.#connection?.close(1000);
  }

  async #keep(first) {
    let connection = first;
    while (connection) {
      const since = this.#timers.now();
      const [error] = await Promise.all([connection.ended, this.#hooks.ready(connection)]);
      if (this.#timers.now() - since >= stableMs) this.#backoff.reset();
      connection = await this.#another(error);
    }
  }

  // Makes a connection in place of the one that ended with error, however long it
  // takes; undefined when the stream has ended.
  async #another(lastError) {
    let error = lastError;
    for (;;) {
      if (this.#closed) return undefined;
      if (!this.#o.reconnect || !isRetryable(error)) {
        this.#hooks.end(error);
        return undefined;
      }
      const pauseMs = this.#pause(error);
      this.#hooks.lost({ error, pauseMs });
      if (!await this.#timers.sleep(pauseMs) || this.#closed) return undefined;
      try {
        return await this.#connect();
      } catch (e) {
        error = e;
      }
    }
  }

  #pause(error) {
    if (this.#drainAt !== undefined) {
      const left = this.#drainAt - this.#timers.now();
      this.#drainAt = undefined;
      return Math.max(0, Math.ceil(left));
    }
    return this.#backoff.next(error instanceof HttpError ? error.retryAfterMs : 0);
  }

  async #connect() {
    const { ticket } = await this.#credential();
    if (this.#closed) throw new ConnectionError(1000, 'closed by this client');
    const { WebSocket, url, dialect, frames } = this.#o;
    this.#connection = new Connection(WebSocket, url(ticket), dialect, this.#timers, frames);
    return this.#connection.opened;
  }

  // A function that never answers must not be the end of reconnecting.
  async #credential() {
    let stop;
    const late = new Promise((_, reject) => {
      const error = new ConnectionError(1006, `no credential for ${credentialMs} ms`);
      stop = this.#timers.after(credentialMs, () => reject(error));
    });
    try {
      return await Promise.race([this.#o.credential(), late]);
    } finally {
      stop();
    }
  }
}

// What a credential function throws is worth another try, unless the server
// refused the credential itself or the error calls itself final.
function isRetryable(error) {
  if (error instanceof ConnectionError) return reconnects(error.code);
  if (error instanceof HttpError) return error.status === 429 || error.status >= 500;
  return error?.final !== true;
}
