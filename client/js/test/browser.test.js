import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFake } from './fake.js';

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
  '--no-first-run', '--disable-background-networking', '--disable-component-update'];
const names = ['chromium', 'chromium-browser', 'google-chrome'];
const browser = [process.env.AZIRA_BROWSER, ...names].find((name) => (
  name && spawnSync(name, ['--version']).status === 0));
const skip = browser ? false : 'no chromium here (AZIRA_BROWSER names another)';

test('the scenarios hold in a browser', { skip, timeout: 120_000 }, async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const profile = mkdtempSync(join(tmpdir(), 'azira-client-'));
  t.after(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  const page = `${fake.server}/test/page.html`;
  const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, page], { stdio: 'ignore' });
  const left = new Promise((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.kill();
    await left;
  });
  const results = await Promise.race([fake.reported,
    left.then((code) => Promise.reject(new Error(`the browser left with ${code}`)))]);
  assert.ok(results.length > 30, `${results.length} scenarios`);
  for (const { name, error } of results) {
    await t.test(name, () => {
      if (error) throw new Error(error);
    });
  }
});
