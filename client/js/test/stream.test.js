import { after, before, test } from 'node:test';
import { startFake } from './fake.js';
import { cases } from './run.js';
import { scenarios } from './scenarios.js';
import { findWebSocket } from './websocket.js';

const WebSocket = await findWebSocket();
const skip = WebSocket ? false : 'no WebSocket here: npm ci --prefix bench/peers/ws';
let fake;

before(async () => {
  fake = await startFake();
});
after(() => fake.close());

for (const { name, run } of cases(scenarios, WebSocket)) {
  test(name, { skip, timeout: 20_000 }, () => run(fake.server));
}
