// Starts the real server and its feed on free ports, and a way to them that can be
// cut: the binary is AZIRA_BIN.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from './check.js';

export const bin = process.env.AZIRA_BIN;
export const tokens = ['NSE:1', 'NSE:2', 'BSE:é/1'];

const children = [];

/**
 * Starts all; {server, direct, admin, cut(), stop(signal), start(), close()}. serve and
 * feed are flags for the two, of which the last counts. `direct` is the server without
 * the way between, admin its admin port, publisher the process that feeds it.
 */
export async function startServer({ serve: more = [], feed = [] } = {}) {
  const [http, pub, control] = [await freePort(), await freePort(), await freePort()];
  const admin = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'azira-data-'));
  const serveArgs = ['serve', '--listen', `127.0.0.1:${http}`, '--admin', `127.0.0.1:${admin}`,
    '--data', data, '--feed', `tcp://127.0.0.1:${pub}`, '--drain-window', '500ms',
    '--log-level', 'error', ...more];
  const publisher = run(['feed', '--pub', `tcp://127.0.0.1:${pub}`, '--control', `tcp://127.0.0.1:${control}`,
    '--tokens', tokens.join(','), '--rate', '60', ...feed]);
  let serve;
  const start = async () => {
    serve = run(serveArgs);
    await answers(`http://127.0.0.1:${http}/healthcheck`);
  };
  const stop = (signal) => {
    serve.kill(signal);
    return serve.left;
  };
  try {
    await start();
  } catch (error) {
    for (const c of children) c.kill('SIGKILL');
    throw error;
  }
  const way = await proxy(http);
  return { server: `http://127.0.0.1:${way.port}`, cut: way.cut, start, stop,
    publisher, direct: `http://127.0.0.1:${http}`, admin: `http://127.0.0.1:${admin}`,
    close: async () => {
      way.close();
      for (const c of children) c.kill('SIGKILL');
      await Promise.all(children.map((c) => c.left));
      rmSync(data, { recursive: true, force: true });
    } };
}

function run(args) {
  const child = spawn(bin, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.left = new Promise((resolve) => child.on('exit', resolve));
  children.push(child);
  return child;
}

async function freePort() {
  const s = createServer();
  await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
  const { port } = s.address();
  await new Promise((resolve) => s.close(resolve));
  return port;
}

async function answers(url) {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(50)) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
  }
  throw new Error(`nothing answers at ${url}`);
}

/** Passes bytes on to port, until they are cut. */
async function proxy(port) {
  const open = new Set();
  const s = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [a, b] of [[near, far], [far, near]]) {
      open.add(a);
      a.on('error', () => b.destroy());
      a.on('close', () => {
        open.delete(a);
        b.destroy();
      });
      a.pipe(b);
    }
  });
  await new Promise((resolve) => s.listen(0, '127.0.0.1', resolve));
  const cut = () => open.forEach((socket) => socket.destroy());
  return { port: s.address().port, cut, close: () => {
    cut();
    s.close();
  } };
}
