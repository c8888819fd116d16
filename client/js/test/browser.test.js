import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noBrowser, show } from './chromium.js';
import { startFake } from './fake.js';

test('the scenarios hold in a browser', { skip: noBrowser, timeout: 120_000 }, async (t) => {
  const fake = await startFake();
  t.after(() => fake.close());
  const { left } = show(t, `${fake.server}/test/page.html`);
  const results = await Promise.race([fake.reported, left]);
  assert.ok(results.length > 30, `${results.length} scenarios`);
  for (const { name, error } of results) {
    await t.test(name, () => {
      if (error) throw new Error(error);
    });
  }
});
