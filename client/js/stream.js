import { EndedError } from './errors.js';
import { Events } from './events.js';
import { Healer } from './healer.js';
import { hbMsMax, hbMsMin } from './limits.js';
import { Link } from './link.js';
import { Mailbox } from './mailbox.js';
import { Outbox } from './outbox.js';
import { Proof } from './proof.js';
import { Reader } from './reader.js';
import { resumes, rostered, subscribes, unsubscribes } from './requests.js';
import { Timers } from './timers.js';
import { checkTokens } from './token.js';

const dialects = ['azira.v1.json', 'azira.v1.bin'];
const names = new Set(['tick', 'snap', 'skip', 'gap', 'hb', 'feed', 'drain', 'message', 'error',
  'connected', 'lost', 'incomplete', 'complete', 'refused', 'end', 'missed', 'roster',
  'presence']);

/**
 * Opens a stream; see StreamOptions in index.d.ts. It resolves when the first
 * connection has its welcome. A failure of that one is not retried.
 *
 * @returns {Promise<Stream>}
 */
export async function openStream(options) {
  const stream = new Stream(options);
  await stream.open();
  return stream;
}

/**
 * A Stream is a subscription to tokens that outlives its connections.
 *
 * When a connection is lost, a new one is made after a jittered pause, and every
 * token is resumed where it was: what was missed comes in order and nothing comes
 * twice, or a gap says what can't be had. Some closes are final (see reconnects
 * in backoff.js); then `end` is emitted and `ended` says why.
 */
export class Stream {
  ended = null; // {code, reason, error} once the stream has ended
  welcome = null; // the last one
  connected = false; // a connection is there, and what was held is resumed on it

  #timers;
  #events;
  #proof = new Proof();
  #reader;
  #outbox;
  #healer;
  #link;
  #boxes = new Set(); // {box, snaps} of ticks()
  #connects = 0;
  #isNewEpoch = false; // the last welcome is of another run of the server
  #roster = false; // it is wanted, on each connection anew

  constructor(options) {
    const o = checked(options);
    this.#timers = new Timers(o.clock);
    this.#events = new Events(o.onError);
    this.#outbox = new Outbox(this.#timers);
    this.#healer = new Healer(this.#proof, this.#outbox, this.#timers);
    this.#reader = new Reader(this.#proof, {
      emit: (name, event) => this.#emit(name, event),
      hole: () => this.#heal(),
      beat: (difference) => this.#beat(difference),
    });
    this.#link = new Link({ ...o, frames: this.#frames() }, this.#timers, {
      ready: (connection) => this.#ready(connection),
      lost: (loss) => this.#lost(loss),
      end: (error) => this.#finish(error.code ?? 0, error.reason ?? error.message, error),
    });
  }

  /** Called by openStream, once. */
  async open() {
    try {
      await this.#link.open();
    } catch (error) {
      this.#finish(error.code ?? 0, error.message, error);
      throw error;
    }
  }

  /** Adds a listener; returns a function that removes it. What it throws is contained. */
  on(name, listener) {
    if (!names.has(name)) throw new TypeError(`no event is called ${name}`);
    return this.#events.on(name, listener);
  }

  off(name, listener) {
    this.#events.off(name, listener);
  }

  /**
   * Adds tokens, or changes the options of those held. Resolves with {ok, failed,
   * count, limit} when all are answered, through reconnects if need be; rejects
   * with a RequestError if a request was refused whole.
   */
  async subscribe(tokens, { mode = 'full', maxRate = null, snapshot = true } = {}) {
    const options = { mode, snapshot };
    if (maxRate) options.max_rate = maxRate;
    return this.#ask(subscribes(checkTokens(tokens), options, this.welcome?.limits));
  }

  /** Gives tokens up, or all with '*'. */
  async unsubscribe(tokens) {
    if (tokens === '*') return this.#ask([{ op: 'unsubscribe', tokens }]);
    return this.#ask(unsubscribes(checkTokens(tokens), this.welcome?.limits));
  }

  /** What the server holds for this stream: [{token, ref, seq, mode, max_rate}]. */
  async list() {
    return (await this.#ask([{ op: 'list' }])).ok;
  }

  /** Resolves with the server's time (Unix µs) and the milliseconds it took. */
  async ping() {
    const sent = this.#timers.now();
    const [{ ts }] = await Promise.all(this.#outbox.ask([{ op: 'ping' }]));
    return { ts, rttMs: this.#timers.now() - sent };
  }

  /** Renews the credential of this connection: only under --close-on-expiry. */
  async auth(bearer) {
    const [{ expires_in }] = await Promise.all(this.#outbox.ask([{ op: 'auth', bearer }]));
    return { expiresIn: expires_in };
  }

  /**
   * Acknowledges the message with this id and all before it, for all streams of the
   * account. What is not acknowledged comes again on the next connection.
   */
  async ack(message) {
    if (!Number.isSafeInteger(message)) throw new TypeError('message must be the id of one');
    await this.#ask([{ op: 'ack', message }]);
  }

  /**
   * Asks for the roster: who of those the account may see is online, told by `roster`, and
   * each change from then on, by `presence`. It begins anew on each connection. false: no
   * more of it.
   */
  async roster(on = true) {
    this.#roster = Boolean(on);
    if (on && !this.connected) return; // the next connection asks for it
    await this.#ask([{ op: 'roster', on: this.#roster }]);
  }

  /**
   * Ticks (and snaps, unless snaps is false) for `for await`. A consumer that is
   * too slow loses all but the newest of each token; `conflated` counts them. It
   * finishes when the stream has ended.
   */
  ticks({ buffer, snaps = true } = {}) {
    const entry = { snaps };
    entry.box = new Mailbox(buffer, () => this.#boxes.delete(entry));
    if (this.ended) entry.box.end();
    else this.#boxes.add(entry);
    return entry.box;
  }

  /** The feed by the connection's last hb: 'live', 'stale', 'down'; undefined without one. */
  get feed() {
    return this.#reader.feed;
  }

  /** Connections made. */
  get connects() {
    return this.#connects;
  }

  /** Tokens held, or to be resumed. */
  get tokens() {
    return this.#proof.entries().map((e) => e.token);
  }

  /**
   * true: nothing was lost, as of the last hb; false: something is; undefined: unknown,
   * as it is while there is no connection and until the first hb of the next.
   */
  complete() {
    return this.#proof.complete();
  }

  /** What complete() rests on: see Report in index.d.ts. */
  proof() {
    return this.#proof.report();
  }

  /** The account of one token: {last, published, received, skipped, gapped, lost, …}. */
  account(token) {
    return this.#proof.account(token);
  }

  /** Ends everything at once. No listener but that of `end` is called any more. */
  close() {
    this.#finish(1000, 'closed by this client', null);
  }

  #frames() {
    return {
      welcome: (event) => this.#welcomed(event),
      ack: (request, event) => this.#reader.ack(request, event),
      event: (event, text) => this.#reader.event(event, text),
      record: (bytes) => this.#reader.record(bytes),
      unreadable: () => this.#proof.unreadable++,
    };
  }

  #emit(name, event) {
    if (this.ended) return;
    if (name === 'tick' || name === 'snap') this.#deliver(event);
    if (name === 'drain') this.#link.drain(event.reconnect_after_ms);
    this.#events.emit(name, event);
  }

  #deliver(tick) {
    for (const { box, snaps } of this.#boxes) {
      if (snaps || tick.type === 'tick') box.put(tick);
    }
  }

  #beat(difference) {
    if (difference === 0) this.#healer.healed();
    this.#heal();
  }

  // While connecting, all that was held is being resumed anyway.
  #heal() {
    if (this.connected) this.#healer.heal(this.welcome);
  }

  #welcomed(event) {
    this.#isNewEpoch = this.welcome !== null && this.welcome.epoch !== event.epoch;
    this.welcome = event;
    this.#proof.connected(event.epoch);
    this.#connects++;
  }

  // A connection has its welcome: what was held goes first.
  async #ready(connection) {
    connection.ended.then((error) => this.#outbox.drop(error));
    const held = resumes(this.#proof.entries(), this.welcome);
    if (this.#roster) held.push(rostered());
    const answers = this.#outbox.askFirst(held);
    this.#outbox.use(connection);
    const done = await Promise.allSettled(answers);
    if (connection.isOver || this.ended) return;
    const failed = done.find((d) => d.status === 'rejected');
    if (failed) this.#emit('error', { error: failed.reason });
    this.connected = true;
    const { welcome } = this;
    const event = { welcome, connects: this.#connects, newEpoch: this.#isNewEpoch };
    this.#emit('connected', event);
  }

  #lost({ error, pauseMs }) {
    this.connected = false;
    this.#proof.disconnected();
    this.#outbox.drop(error);
    this.#emit('lost', { code: error.code, reason: error.reason ?? error.message, error, pauseMs });
    this.#reader.disconnected();
  }

  async #ask(requests) {
    const done = await Promise.allSettled(this.#outbox.ask(requests));
    const failed = done.find((d) => d.status === 'rejected');
    if (failed) throw failed.reason;
    return done.map((d) => d.value).reduce(merged);
  }

  #finish(code, reason, error) {
    if (this.ended) return;
    this.ended = { code, reason, error };
    this.connected = false;
    if (error) { // else it was close: what was proved stays
      this.#proof.disconnected();
      this.#reader.disconnected();
    }
    this.#timers.end();
    this.#link.close();
    this.#outbox.end(new EndedError(reason, error ?? undefined));
    for (const { box } of this.#boxes) box.end();
    this.#boxes.clear();
    this.#events.emit('end', this.ended);
  }
}

function merged(a, b) {
  return { ...b, ok: a.ok.concat(b.ok), failed: a.failed.concat(b.failed) };
}

function checked(options) {
  const o = { dialect: 'azira.v1.json', reconnect: true, ...options };
  o.WebSocket ??= globalThis.WebSocket;
  if (!o.WebSocket) throw new TypeError('there is no WebSocket here: give one as an option');
  if (!dialects.includes(o.dialect)) throw new TypeError(`dialect is not known: ${o.dialect}`);
  if (typeof o.credential !== 'function') throw new TypeError('credential must be a function');
  if (o.hbMs !== undefined && !(o.hbMs >= hbMsMin && o.hbMs <= hbMsMax)) {
    throw new RangeError(`hbMs must be ${hbMsMin} to ${hbMsMax}`);
  }
  const { server, username, hbMs } = o;
  return { ...o, url: (ticket) => streamURL(server, { username, hbMs, ticket }) };
}

/** http becomes ws, https becomes wss; in a browser the page's own server is the default. */
function streamURL(server, { username, hbMs, ticket }) {
  const url = new URL(server ?? globalThis.location.origin);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  url.pathname = username === undefined
    ? '/api/v1/stream'
    : `/api/trigger/ws/${encodeURIComponent(username)}`;
  if (ticket !== undefined) url.searchParams.set('ticket', ticket);
  if (hbMs !== undefined) url.searchParams.set('hb_ms', String(hbMs));
  return url.href;
}
