// What the console costs at a load: RATE ticks/s (4000) over TOKENS tokens (200), all of
// them watched, for SECONDS (10). It prints shares of one processor as the page's main
// thread used it, frames, and tasks over 50 ms, which people notice.
//
//   AZIRA_BIN=bin/azira node --experimental-websocket web/test/speed.js

import { Auth } from '../../client/js/index.js';
import { pause } from '../../client/js/test/check.js';
import { startServer } from '../../client/js/test/server.js';
import { startBrowser } from './browser.js';
import * as person from './person.js';

const { RATE = 4000, TOKENS = 200, SECONDS = 10 } = process.env;
const early = `window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: 'longtask' });
  window.frames_ = 0;
  (function frame() { frames_++; requestAnimationFrame(frame); })();`;

const ends = [];
const server = await startServer({ feed: ['--tokens', String(TOKENS), '--rate', String(RATE)] });
try {
  const browser = await startBrowser({ after: (f) => ends.push(f) });
  const auth = () => new Auth(server.direct);
  const tokens = Array.from({ length: Number(TOKENS) }, (_, i) => `NSE:${i + 1}`);
  const page = await person.enter({ browser, auth, server }, 'ana', tokens, { early });
  await person.live(page);
  for (const domain of ['Network', 'Log', 'Runtime']) await page.send(`${domain}.disable`);
  await pause(3000);
  await page.send('Performance.enable', { timeDomain: 'threadTicks' });
  const before = await measure(page);
  await page.see('tasks.length = 0');
  await pause(SECONDS * 1000);
  const now = await measure(page);
  const share = (name) => `${(100 * (now[name] - before[name]) / now.passed(before)).toFixed(1)} %`;
  console.log(`ticks received/s   ${((now.ticks - before.ticks) / now.passed(before)).toFixed(0)}`);
  console.log(`skipped            ${now.skipped - before.skipped}`);
  console.log(`main thread        ${share('TaskDuration')} of a processor`);
  console.log(`  script           ${share('ScriptDuration')}`);
  console.log(`  style            ${share('RecalcStyleDuration')}`);
  console.log(`  layout           ${share('LayoutDuration')}`);
  console.log(`frames/s           ${((now.frames - before.frames) / now.passed(before)).toFixed(1)}`);
  console.log(`tasks over 50 ms   ${await page.see('tasks.length')}, the longest `
    + `${await page.see('Math.max(0, ...tasks).toFixed(0)')} ms`);
  console.log(`heap               ${(now.JSHeapUsedSize / 2 ** 20).toFixed(1)} MiB`);
} finally {
  for (const end of ends) await end();
  await server.close();
}
process.exit(0);

async function measure(page) {
  const { metrics } = await page.send('Performance.getMetrics');
  const m = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  const number = (text) => Number(/[\d,]+/.exec(text)?.[0].replaceAll(',', ''));
  m.ticks = number(await page.text('#fact-ticks .sub'));
  m.skipped = number((await page.text('#fact-skipped')).split('\n')[1]);
  m.frames = await page.see('frames_');
  m.at = performance.now();
  m.passed = (earlier) => (m.at - earlier.at) / 1000;
  return m;
}
