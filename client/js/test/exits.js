// A program that opens a stream and ends it in one of several ways; nothing of the
// stream may keep it alive afterwards. See exit.test.js.

import { openStream, Stream } from '../index.js';
import { failure, until } from './check.js';
import { findWebSocket, findWs } from './websocket.js';

const [server, how] = process.argv.slice(2);
const options = { server, WebSocket: await findWebSocket(), backoff: { min: 60_000, max: 60_000 },
  credential: async () => ({ ticket: 't' }) };

const ways = {
  async connected() {
    const s = await openStream(options);
    await s.subscribe(['A', 'B']);
    return s;
  },
  async opening() {
    const s = new Stream({ ...options });
    failure(s.open());
    return s;
  },
  async waiting() {
    const s = await openStream({ ...options });
    console.log('cut me');
    await new Promise((resolve) => s.on('lost', resolve));
    return s;
  },
  async asking() {
    const s = await openStream(options);
    for (let i = 0; i < 80; i++) failure(s.ping());
    failure(s.ticks().next().then(() => Promise.reject(new Error('ended'))));
    return s;
  },
  async deaf() {
    // Node's own waits for a deaf peer's farewell, and no program can prevent it.
    const s = await openStream({ ...options, WebSocket: await findWs() });
    await s.ping();
    console.log('be deaf');
    await new Promise((resolve) => setTimeout(resolve, 200));
    return s;
  },
  async final() {
    const s = await openStream({ ...options, reconnect: false });
    console.log('cut me');
    await until(() => s.ended, 'end');
    return s;
  },
};

const stream = await ways[how]();
console.log('closing');
stream.close();
stream.close();
