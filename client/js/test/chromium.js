// Finds a chromium and shows it a page, without a screen.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
  '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--remote-debugging-pipe'];
// The first paints no window, and takes half of the others' time.
const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];

const browser = [process.env.AZIRA_BROWSER, ...names].find((name) => (
  name && spawnSync(name, ['--version']).status === 0));

export const noBrowser = browser ? false : 'no chromium here (AZIRA_BROWSER names another)';

/**
 * Opens page until the test t is over. `left` is rejected should the browser leave;
 * `profile` is its directory.
 */
export function show(t, page, more = []) {
  const profile = mkdtempSync(join(tmpdir(), 'azira-client-'));
  const args = [...flags, ...more, `--user-data-dir=${profile}`, page];
  // It ends with the pipe, so that it outlives neither the test nor a killed process.
  const child = spawn(browser, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const exit = new Promise((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.stdio[3].end();
    await exit;
    // Its own children write for a moment longer.
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  return { profile, left: exit.then((code) => Promise.reject(new Error(`the browser left with ${code}`))) };
}
