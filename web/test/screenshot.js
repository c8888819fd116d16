// Makes docs/console.png: the console with ticks in it. `make screenshot` runs it; another
// name as its argument, and WIDTH, HEIGHT, SCHEME=light, SCALE, VIEW, PAGE=operator give
// other pictures.

import { writeFile } from 'node:fs/promises';
import { Auth, openStream } from '../../client/js/index.js';
import { pause } from '../../client/js/test/check.js';
import { startServer } from '../../client/js/test/server.js';
import { startBrowser } from './browser.js';
import * as person from './person.js';

const file = process.argv[2] ?? new URL('../../docs/console.png', import.meta.url).pathname;
const { WIDTH = 1280, HEIGHT = 800, SCHEME = 'dark', SCALE = 1, VIEW = 'watch', PAGE } = process.env;
const watchedMs = 40_000; // for lines that have a course
const bytesMax = 200 << 10;

const tokens = ['NSE:NIFTY', 'NSE:BANKNIFTY', 'NSE:RELIANCE', 'NSE:INFY', 'NSE:TCS',
  'NSE:HDFCBANK', 'NSE:ICICIBANK', 'NSE:SBIN', 'BSE:500325', 'MCX:GOLD', 'MCX:CRUDEOIL',
  'NSE:TATAMOTORS', 'NSE:LT', 'NSE:AXISBANK', 'NSE:WIPRO', 'NSE:MARUTI', 'CDS:USDINR'];

const ends = [];
const server = await startServer({ feed: ['--tokens', tokens.join(','), '--rate', '68'] });
try {
  const browser = await startBrowser({ after: (f) => ends.push(f) });
  const auth = () => new Auth(server.direct);
  const page = await person.enter({ browser, auth, server }, 'ana', tokens, { scale: Number(SCALE),
    width: Number(WIDTH), height: Number(HEIGHT), dark: SCHEME === 'dark' });
  await person.live(page);
  const cred = await auth().login('ana', person.password);
  for (const [kind, content] of [
    ['note', 'Roll the March contracts before Thursday.'],
    ['text', 'Margin call settled, thank you.'],
    ['alert', 'NSE:INFY crossed 1,500.'],
    ['text', 'The desk is open until six today.'],
  ]) await send(cred.bearer, { username: 'ana', type: kind, content });
  const other = await openStream({ server: server.direct, credential: auth().keep(cred).credential });
  await other.subscribe(tokens.slice(0, 5));
  await page.until('document.querySelectorAll(".message").length === 4');
  await page.see('document.querySelectorAll(".message")[2].querySelector(".line").click()');
  await page.see('document.querySelectorAll(".message")[2].querySelector(".line").click()');
  await page.see(`document.querySelector(".views [data-view=${VIEW}]").click()`);
  await page.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x: 700, y: 20 });
  await pause(watchedMs);
  const shown = PAGE === 'operator' ? await operator(browser) : page;
  const png = await shown.picture();
  if (png.length > bytesMax) console.error(`the picture has ${png.length} bytes`);
  await writeFile(file, png);
  console.log(`${file}: ${png.length} bytes`);
} finally {
  for (const end of ends) await end();
  await server.close();
}
process.exit(0);

async function operator(browser) {
  const page = await browser.page(server.admin, { width: Number(WIDTH), height: Number(HEIGHT),
    dark: SCHEME === 'dark', scale: Number(SCALE) });
  await pause(watchedMs);
  return page;
}

async function send(bearer, body) {
  await fetch(`${server.direct}/api/v1/messages`, { method: 'POST', body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' } });
}
