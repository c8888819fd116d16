// What the fake server publishes, and the streams it publishes to: the typed
// dialects by the letter, with the means to go wrong on request.

import { record } from './encode.js';
import { frame } from './frames.js';

const exp = -2;
const defaults = { hb_ms: 5000, beats: false, ops_per_s: 1000, ops_burst: 1000, piece: 100,
  ring: 1000, subscribe_bytes: 131072, frame_bytes: 4096 };

export class World {
  tokens = new Map(); // name → {ref, seq, ring: [tick]}
  streams = new Set();
  log = { ops: [], opens: [], bytesMax: 0 };
  refuse = { n: 0, retry_ms: 0 };
  feed = 'live';
  muted = false; // says nothing
  deaf = false; // hears nothing

  constructor(options = {}) {
    this.o = { ...defaults, ...options };
    this.epoch = Date.now() * 1000;
    for (const name of this.o.tokens ?? ['A', 'B', 'C']) this.add(name);
  }

  add(name) {
    this.tokens.set(name, { name, ref: this.tokens.size + 1, seq: 0, ring: [] });
  }

  end() {
    for (const s of this.streams) s.end();
  }

  /** Publishes n ticks of a token: sent one by one, conflated into the last, or lost. */
  publish(name, n = 1, how = 'sent') {
    const t = this.tokens.get(name);
    const first = t.seq + 1;
    for (let i = 0; i < n; i++) {
      t.seq++;
      t.ring.push({ seq: t.seq, ts: Date.now() * 1000, cents: 10_000 + 7 * t.seq });
      if (t.ring.length > this.o.ring) t.ring.shift();
      if (how === 'sent') for (const s of this.streams) s.tick(t, t.ring.at(-1));
    }
    if (how !== 'conflated') return;
    for (const s of this.streams) {
      if (!s.held.has(name)) continue;
      if (n > 1) s.send({ type: 'skip', token: name, count: n - 1, seq: t.seq });
      s.tick(t, t.ring.at(-1), first);
    }
  }

  /** Another run: sequences begin anew, values are kept, connections are cut. */
  restart(published = 0) {
    this.epoch += 1_000_000;
    for (const t of this.tokens.values()) {
      const last = t.ring.at(-1);
      t.seq = 0;
      t.ring = last ? [{ ...last, seq: 0 }] : [];
      for (let i = 0; i < published; i++) this.publish(t.name, 1, 'lost');
    }
    for (const s of [...this.streams]) s.cut();
  }
}

/** One stream of the fake server. */
export class FakeStream {
  held = new Map(); // token → mode

  constructor(world, socket, { isBinary, hbMs }) {
    this.world = world;
    this.socket = socket;
    this.isBinary = isBinary;
    const { o } = world;
    const hb_ms = hbMs ?? o.hb_ms;
    world.streams.add(this);
    socket.on('close', () => this.end());
    socket.on('error', () => this.end());
    this.send({ type: 'welcome', conn: 's-1', username: 'u', epoch: world.epoch, hb_ms,
      resume_s: 600, expires_in: 1799, limits: { tokens: 3000, connections: 3,
        ops_per_s: o.ops_per_s, ops_burst: o.ops_burst, frame_bytes: o.frame_bytes,
        subscribe_bytes: o.subscribe_bytes } });
    if (o.beats) this.beating = setInterval(() => this.hb(), hb_ms);
  }

  end() {
    clearInterval(this.beating);
    this.world.streams.delete(this);
  }

  cut() {
    this.end();
    this.socket.destroy();
  }

  close(code, reason = '') {
    const b = Buffer.alloc(2 + Buffer.byteLength(reason));
    b.writeUInt16BE(code);
    b.write(reason, 2);
    this.write(8, b);
    this.end();
    this.socket.end();
  }

  write(op, payload) {
    if (!this.world.muted && this.socket.writable) this.socket.write(frame(op, payload));
  }

  send(event) {
    this.write(1, Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));
  }

  hb({ add = 0 } = {}) {
    let sum = add;
    for (const name of this.held.keys()) sum += this.world.tokens.get(name)?.seq ?? 0;
    this.send({ type: 'hb', ts: Date.now() * 1000, sum, pending: 0, feed: this.world.feed,
      age_ms: 1 });
  }

  tick(t, tick) {
    if (this.held.has(t.name)) this.price('tick', t, tick);
  }

  price(type, t, { seq, ts, cents }) {
    const ltpOnly = this.held.get(t.name) === 'ltp';
    if (this.isBinary) {
      const quotes = ltpOnly ? {} : { bid: cents - 5, ask: cents + 5 };
      this.write(2, record({ type, ref: t.ref, seq, sinceEpoch: ts - this.world.epoch > 0
        ? ts - this.world.epoch : 0, exp, ltp: cents, ...quotes }));
      return;
    }
    const ltp = (cents / 100).toFixed(2);
    const [bid, ask] = [cents - 5, cents + 5].map((n) => (n / 100).toFixed(2));
    const data = `{"token":"${t.name}", "ltp":${ltp},"bestbidprice":${bid},`
      + `"bestaskprice":${ask},"note":"\\u00e4, \\"}"}`;
    this.send(`{"type":"${type}","token":"${t.name}","seq":${seq},"ts":${ts},`
      + (ltpOnly ? `"ltp":${ltp}}` : `"data":${data}}`));
  }

  request(r, bytes) {
    const { world } = this;
    world.log.ops.push({ ...r, bytes, at: Date.now() });
    const most = r.op === 'subscribe' ? world.o.subscribe_bytes : world.o.frame_bytes;
    if (bytes > most) return this.close(1009, 'too big');
    if (world.refuse.n > 0) {
      world.refuse.n--;
      return this.send({ type: 'error', id: r.id, code: 111, error: 'too many requests',
        retry_ms: world.refuse.retry_ms });
    }
    switch (r.op) {
      case 'subscribe': return this.subscribe(r);
      case 'unsubscribe': return this.unsubscribe(r);
      case 'list': return this.ack(r, [...this.held].map(([name, mode]) => {
        const { ref, seq } = world.tokens.get(name);
        return { token: name, ref, seq, mode };
      }), []);
      case 'ping': return this.send({ type: 'pong', id: r.id, ts: Date.now() * 1000 });
      case 'roster': return this.ack(r, [], []);
      case 'ack': return Number.isInteger(r.message) ? this.ack(r, [], [])
        : this.send({ type: 'error', id: r.id, code: 107, error: 'bad request' });
      case 'auth': return this.ack(r, [], [], { expires_in: 1800 });
    }
    return this.send({ type: 'error', id: r.id, code: 108, error: 'unknown op' });
  }

  ack(r, ok, failed, more = {}) {
    const all = [...ok.map((e) => ['ok', e]), ...failed.map((e) => ['failed', e])];
    for (let i = 0; i === 0 || i < all.length; i += this.world.o.piece) {
      const part = all.slice(i, i + this.world.o.piece);
      const of = (kind) => part.filter(([k]) => k === kind).map(([, e]) => e);
      const isLast = i + this.world.o.piece >= all.length;
      this.send({ type: 'ack', id: r.id, op: r.op, ok: of('ok'), failed: of('failed'),
        count: this.held.size, limit: 3000, ...more, ...(isLast ? {} : { more: true }) });
    }
  }

  subscribe(r) {
    const ok = [];
    const failed = [];
    const after = [];
    const from = r.from ?? {};
    for (const name of new Set([...Object.keys(from), ...(r.tokens ?? [])])) {
      const t = this.world.tokens.get(name);
      if (!t) {
        failed.push({ token: name, code: 102, error: 'unknown token' });
        continue;
      }
      const resumes = name in from && r.epoch === this.world.epoch;
      if (resumes && from[name] > t.seq) {
        failed.push({ token: name, code: 107, error: 'from is beyond' });
        continue;
      }
      this.held.set(name, r.mode);
      ok.push({ token: name, ref: t.ref, seq: resumes ? from[name] : t.seq });
      after.push(() => this.follow(t, r, name in from, resumes ? from[name] : undefined));
    }
    this.ack(r, ok, failed);
    for (const f of after) f();
  }

  // What follows the ack: the missed, or a gap and a snap, or a snap.
  follow(t, r, hasFrom, from) {
    const last = t.ring.at(-1);
    if (from !== undefined) {
      const missed = t.ring.filter((k) => k.seq > from);
      if (missed.length === t.seq - from) {
        for (const k of missed) this.price('tick', t, k);
        return;
      }
      this.send({ type: 'gap', token: t.name, from: from + 1, to: t.seq - 1, reason: 'ring' });
    } else if (hasFrom) {
      this.send({ type: 'gap', token: t.name, from: 1, to: t.seq - 1, reason: 'epoch' });
    } else if (r.snapshot === false) {
      return;
    }
    if (last) this.price('snap', t, last);
  }

  unsubscribe(r) {
    const ok = [];
    const failed = [];
    for (const name of r.tokens === '*' ? [...this.held.keys()] : r.tokens) {
      const { ref, seq } = this.world.tokens.get(name) ?? {};
      if (this.held.delete(name)) ok.push({ token: name, ref, seq });
      else failed.push({ token: name, code: 107, error: 'not subscribed' });
    }
    this.ack(r, ok, failed);
  }
}
