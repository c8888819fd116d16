import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pause } from './check.js';
import { startFake } from './fake.js';
import { findWebSocket, findWs } from './websocket.js';

const noWebSocket = !await findWebSocket();
const noWs = await findWs() ? false : 'needs ws: npm ci --prefix bench/peers/ws';
const program = fileURLToPath(new URL('exits.js', import.meta.url));
let fake;

before(async () => {
  fake = await startFake();
});
after(() => fake.close());

/** Runs exits.js with a way to end; resolves with {code, ms since it said "closing"}. */
function run(how) {
  const args = ['--experimental-websocket', '--no-warnings', program, fake.server, how];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let closing;
  child.stdout.on('data', async (said) => {
    if (String(said).includes('cut me')) {
      fake.control({ do: 'deny', status: 503, n: 1000 });
      await pause(20);
      fake.control({ do: 'cut' });
    }
    if (String(said).includes('be deaf')) fake.control({ do: 'set', deaf: true });
    if (String(said).includes('closing')) closing = Date.now();
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), 15_000);
  return new Promise((resolve) => child.on('exit', (code) => {
    clearTimeout(limit);
    resolve({ code, ms: Date.now() - closing });
  }));
}

for (const how of ['connected', 'opening', 'waiting', 'asking', 'final', 'deaf']) {
  const skip = how === 'deaf' ? noWs : noWebSocket;
  test(`a process ends by itself once its stream is closed: ${how}`, { skip }, async () => {
    fake.control({ do: 'reset', hb_ms: 5000 });
    const { code, ms } = await run(how);
    assert.equal(code, 0);
    assert.ok(ms < 5000, `it took ${ms} ms`);
  });
}
