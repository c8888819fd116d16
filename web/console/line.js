import { Backoff, HttpError, openStream, reconnects } from './client/index.js';

const hbMs = 1000;

/**
 * A Line is the page's one stream, from the first attempt to the end that no reconnect
 * can mend, and beyond: open may be called again.
 *
 *   connecting ──▶ open ◀──▶ waiting      the client reconnects, or this line does
 *        └───────────┴──────────┴──▶ ended, with `kind`
 *
 *   kind   session   the bearer is taken no more
 *          limit     the account has all the streams it may have
 *          closed    somebody closed it: in a list of streams, or with its session
 *          replaced  a newer stream took its place
 *          other     what the server said is in `text`
 */
export class Line {
  state = { name: 'connecting' };
  stream = null;

  #credential;
  #changed;
  #opened;
  #backoff = new Backoff();
  #timer;
  #run = 0; // of open: what an earlier one still does counts no more

  /** changed(state) at each change; opened(stream) with each new Stream, before its events. */
  constructor(credential, { changed, opened }) {
    this.#credential = credential;
    this.#changed = changed;
    this.#opened = opened;
  }

  async open() {
    const run = ++this.#run;
    clearTimeout(this.#timer);
    this.stream?.close();
    this.stream = null;
    this.#become({ name: 'connecting' });
    try {
      const stream = await openStream({ credential: this.#credential, dialect: 'azira.v1.bin',
        hbMs });
      if (run !== this.#run) stream.close();
      else this.#use(stream);
    } catch (error) {
      if (run === this.#run) this.#failed(error);
    }
  }

  #use(stream) {
    this.stream = stream;
    this.#backoff.reset();
    const mine = (f) => (event) => stream === this.stream && f(event);
    stream.on('connected', mine(() => this.#become({ name: 'open', since: Date.now() })));
    stream.on('lost', mine(({ error, pauseMs }) => this.#wait(error, pauseMs)));
    stream.on('end', mine(({ code, reason, error }) => this.#end(code, reason, error)));
    this.#opened(stream);
    if (stream.ended) this.#end(stream.ended.code, stream.ended.reason, stream.ended.error);
    else if (stream.connected) this.#become({ name: 'open', since: Date.now() });
  }

  // The client does not try the first connection twice.
  #failed(error) {
    const final = error instanceof HttpError
      ? error.status !== 429 && error.status < 500
      : error.code !== undefined && !reconnects(error.code);
    if (final) {
      this.#end(error.code ?? 0, error.reason ?? error.message, error);
      return;
    }
    const pauseMs = this.#backoff.next(error.retryAfterMs ?? 0);
    this.#wait(error, pauseMs);
    this.#timer = setTimeout(() => this.open(), pauseMs);
  }

  #wait(error, pauseMs) {
    this.#become({ name: 'waiting', error, until: Date.now() + pauseMs });
  }

  #end(code, reason, error) {
    this.#become({ name: 'ended', kind: kind(code, reason, error), code, text: reason });
  }

  #become(state) {
    this.state = state;
    this.#changed(state);
  }
}

function kind(code, reason, error) {
  if (error instanceof HttpError && (error.status === 401 || error.status === 403)) {
    return 'session';
  }
  if (code === 1008 && /limit/.test(reason)) return 'limit';
  if (code === 3501) return 'closed';
  return code === 3507 ? 'replaced' : 'other';
}
