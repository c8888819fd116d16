// A server that is Azira to its clients and a puppet to its tests: POST /control
// says what it does next, so that a page in a browser can be the test too.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { accept, read } from './frames.js';
import { FakeStream, World } from './world.js';

const root = new URL('..', import.meta.url);
const kinds = { js: 'text/javascript', html: 'text/html; charset=utf-8' };

/** Starts one on a free port: {server, control(command), reported, close()}. */
export async function startFake() {
  const fake = new Fake();
  await new Promise((resolve) => fake.http.listen(0, '127.0.0.1', resolve));
  const server = `http://127.0.0.1:${fake.http.address().port}`;
  return { server, control: (c) => fake.control(c), reported: fake.reported,
    close: () => fake.close() };
}

class Fake {
  world = new World();
  tickets = { n: 0, deny: null }; // deny: {status, n, retryAfter}
  refreshed = 0;

  constructor() {
    this.reported = new Promise((resolve) => {
      this.report = resolve;
    });
    this.http = createServer((req, res) => this.serve(req, res));
    this.http.on('upgrade', (req, socket) => this.upgrade(req, socket));
  }

  close() {
    for (const s of [...this.world.streams]) s.cut();
    this.http.closeAllConnections();
    this.http.close();
  }

  async serve(req, res) {
    req.setEncoding('utf8');
    let body = '';
    for await (const chunk of req) body += chunk;
    const { pathname } = new URL(req.url, 'http://x');
    const say = (status, answer, headers = {}) => {
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      res.end(JSON.stringify(answer));
    };
    switch (pathname) {
      case '/control': return say(200, this.control(JSON.parse(body)) ?? {});
      case '/report': this.report(JSON.parse(body)); return say(200, {});
      case '/api/v1/users/register': return this.register(JSON.parse(body), say);
      case '/api/v1/token': return this.token(JSON.parse(body), say);
      case '/api/v1/users/refresh': return say(200, this.pair(JSON.parse(body).refresh_token));
      case '/api/v1/users/logout': return say(200, {});
      case '/api/v1/tokens': return say(200, { tokens: [...this.world.tokens.keys()] });
      case '/api/v1/stream/ticket': return this.ticket(req, say);
    }
    return this.file(pathname, res);
  }

  register({ username, password }, say) {
    if (password.length < 8) say(422, { detail: [{ loc: ['body'], msg: 'too short', type: 'x' }] });
    else if (username === 'taken') say(400, { detail: 'Username already registered' });
    else say(200, { message: 'User registered successfully' });
  }

  token({ password }, say) {
    if (password === 'wrong') say(400, { detail: 'Invalid username or password' });
    else say(200, this.pair('first'));
  }

  pair(old) {
    this.refreshed++;
    return { access_token: `bearer-${this.refreshed}`, refresh_token: `${old}+`, expires_in: 30,
      token_type: 'bearer' };
  }

  ticket(req, say) {
    const { deny } = this.tickets;
    if (deny && deny.n-- > 0) {
      const after = deny.retryAfter ? { 'Retry-After': deny.retryAfter } : {};
      say(deny.status, { detail: 'denied' }, after);
    } else if (!/^Bearer bearer-\d+$/.test(req.headers.authorization)) {
      say(401, { detail: 'Not authenticated' });
    } else {
      say(200, { ticket: `t${++this.tickets.n}`, expires_in: 60 });
    }
  }

  async file(pathname, res) {
    try {
      const text = await readFile(new URL(`.${pathname}`, root));
      res.writeHead(200, { 'Content-Type': kinds[pathname.split('.').at(-1)] ?? 'text/plain' });
      res.end(text);
    } catch {
      res.writeHead(404).end();
    }
  }

  upgrade(req, socket) {
    const url = new URL(req.url, 'http://x');
    const protocol = req.headers['sec-websocket-protocol'];
    const { world } = this;
    world.log.opens.push({ at: Date.now(), path: url.pathname, protocol,
      ticket: url.searchParams.get('ticket'), hb_ms: url.searchParams.get('hb_ms') });
    if (!url.searchParams.get('ticket')) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    accept(req, socket, protocol);
    const stream = new FakeStream(world, socket, { isBinary: protocol === 'azira.v1.bin',
      hbMs: Number(url.searchParams.get('hb_ms')) || undefined });
    read(socket, (op, payload) => {
      if (world.deaf) return;
      if (op === 8) stream.close(1000);
      else if (op === 1) stream.request(JSON.parse(payload), payload.length);
    });
  }

  control({ do: what, ...c }) {
    const { world } = this;
    const all = [...world.streams];
    switch (what) {
      case 'reset':
        for (const s of all) s.cut();
        this.tickets.deny = null;
        this.world = new World(c);
        return undefined;
      case 'publish': return world.publish(c.token, c.n, c.how);
      case 'hb': return all.forEach((s) => s.hb(c));
      case 'cut': return all.forEach((s) => s.cut());
      case 'close': return all.forEach((s) => s.close(c.code, c.reason));
      case 'drain':
        for (const s of all) s.send({ type: 'drain', reconnect_after_ms: c.ms, deadline_ms: c.ms });
        return all.forEach((s) => setTimeout(() => s.close(1012, 'restart'), c.closeMs));
      case 'restart': return world.restart(c.published);
      case 'send': return all.forEach((s) => s.send(c.event));
      case 'bytes': return all.forEach((s) => s.write(2, Buffer.from(c.hex, 'hex')));
      case 'deny': this.tickets.deny = c; return undefined;
      case 'add': return world.add(c.token);
      case 'remove': world.tokens.delete(c.token); return undefined;
      case 'set': Object.assign(world, c); return undefined;
      case 'log': return { ...world.log, now: Date.now(), streams: all.length };
    }
    throw new Error(`control: ${what}`);
  }
}
