import { ConnectionError, RequestError } from './errors.js';
import { answerMs, errorMs, hbMsDefault, openMs, silentBeats } from './limits.js';
import { Pace } from './pace.js';

const lost = 1006;

/**
 * A Connection is one WebSocket from its opening to its end, and the one request
 * that is under way on it.
 *
 *   open ── welcome ──▶ ask, events ── close, or nothing heard ──▶ ended
 *
 * `ended` resolves with a ConnectionError, whoever ended it. No hook is called
 * after that.
 */
export class Connection {
  // Fixed after the welcome.
  welcome;
  pace;

  #socket;
  #timers;
  #hooks;
  #over = false;
  #heard = 0;
  #silenceMs = openMs;
  #stopWatch;
  #stopError;
  #stopAnswer;
  #opened; // {resolve, reject} until the welcome
  #asked; // {id, request, resolve, reject, ok, failed} until it is answered
  #count = 0;
  #end; // resolves ended

  /**
   * Opens a connection. hooks: welcome(event), ack(request, event) for each piece
   * of an answer, event(event, text), record(bytes), unreadable().
   */
  constructor(WebSocket, url, dialect, timers, hooks) {
    this.#timers = timers;
    this.#hooks = hooks;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.opened = new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
    this.opened.catch(() => {});
    this.#heard = timers.now();
    this.#socket = new WebSocket(url, [dialect]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onmessage = (m) => this.#message(m.data);
    this.#socket.onclose = (e) => this.#finish(e.code, e.reason);
    // A close event follows, except in some implementations for a failed upgrade.
    this.#socket.onerror = () => {
      this.#stopError ??= timers.after(errorMs, () => this.#finish(lost, ''));
    };
    this.#watch(openMs);
  }

  get isOver() {
    return this.#over;
  }

  /** Sends a request and resolves with its answer, all pieces in one. */
  ask(request) {
    const id = `r${++this.#count}`;
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new ConnectionError(lost, 'over'));
        return;
      }
      this.#asked = { id, request, resolve, reject, ok: [], failed: [] };
      this.#awaitAnswer();
      this.#socket.send(JSON.stringify({ ...request, id }));
    });
  }

  /** Leaves, telling the server if it can hear. */
  close(code = lost, reason = 'closed by this client') {
    this.#finish(code, reason);
  }

  #finish(code, reason) {
    if (this.#over) return;
    this.#over = true;
    this.#stopWatch?.();
    this.#stopError?.();
    this.#stopAnswer?.();
    const s = this.#socket;
    s.onmessage = s.onclose = null;
    s.onerror = () => {};
    leave(s);
    const error = new ConnectionError(code, reason);
    this.#opened?.reject(error);
    this.#asked?.reject(error);
    this.#end(error);
  }

  // One timer, set anew only when it has run: a busy stream costs no timers.
  #watch(ms) {
    this.#stopWatch = this.#timers.after(ms, () => {
      const left = this.#heard + this.#silenceMs - this.#timers.now();
      if (left > 0) this.#watch(left);
      else this.#finish(lost, `nothing heard for ${this.#silenceMs} ms`);
    });
  }

  // Requests wait for each other, so one without an answer would stop them all.
  #awaitAnswer() {
    this.#stopAnswer?.();
    this.#stopAnswer = this.#timers.after(answerMs, () => {
      this.#finish(lost, `no answer for ${answerMs} ms`);
    });
  }

  #message(data) {
    this.#heard = this.#timers.now();
    try {
      if (typeof data === 'string') this.#text(JSON.parse(data), data);
      else this.#hooks.record(new Uint8Array(data));
    } catch {
      this.#hooks.unreadable(); // a tick in it is missing then, which the proof notices
    }
  }

  #text(event, text) {
    switch (event?.type) {
      case 'welcome':
        this.#welcomed(event);
        return;
      case 'ack':
      case 'pong':
      case 'error':
        if (this.#asked && event.id === this.#asked.id) this.#answer(event);
        else this.#hooks.event(event, text);
        return;
      default:
        this.#hooks.event(event, text);
    }
  }

  #welcomed(event) {
    this.welcome = event;
    this.pace = new Pace(this.#timers, event.limits);
    this.#silenceMs = silentBeats * (event.hb_ms || hbMsDefault);
    this.#stopWatch();
    this.#watch(this.#silenceMs);
    this.#hooks.welcome(event);
    this.#opened?.resolve(this);
    this.#opened = undefined;
  }

  #answer(event) {
    const a = this.#asked;
    this.#awaitAnswer();
    if (!event.more) this.#stopAnswer();
    if (event.type === 'error') {
      this.#asked = undefined;
      a.reject(new RequestError(a.request.op, event.code, event.error, event.retry_ms));
      return;
    }
    const piece = { ...event, ok: event.ok ?? [], failed: event.failed ?? [] };
    if (event.type === 'ack') this.#hooks.ack(a.request, piece);
    a.ok.push(...piece.ok);
    a.failed.push(...piece.failed);
    if (event.more) return;
    this.#asked = undefined;
    a.resolve({ ...piece, ok: a.ok, failed: a.failed });
  }
}

// A peer that does not answer must not keep the process: ws can end it at once.
function leave(socket) {
  try {
    socket.close(1000);
    if (socket.terminate) setTimeout(() => socket.terminate(), errorMs).unref?.();
  } catch {
    // It never opened.
  }
}
