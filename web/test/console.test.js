// The console as a person uses it, in a real browser against the real server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Auth, openStream } from '../../client/js/index.js';
import { noBrowser } from '../../client/js/test/chromium.js';
import { pause } from '../../client/js/test/check.js';
import { bin, startServer } from '../../client/js/test/server.js';
import { startBrowser } from './browser.js';
import * as person from './person.js';
import { live, login, password } from './person.js';

const adminToken = 'a-token-of-the-operator';
const evil = '<img src=x onerror=hacked=1>'; // as a token and as a username
// With the evil one as many as the operator's page shows of the busiest.
const tokens = Array.from({ length: 19 }, (_, i) => `NSE:${i + 1}`);
const skip = noBrowser || (bin ? false : 'AZIRA_BIN does not name the server');

let server;
let browser;
const ends = [];

before(async () => {
  if (skip) return;
  server = await startServer({ feed: ['--tokens', [...tokens, evil].join(','), '--rate', '100'],
    serve: ['--restart-time', '300ms', '--admin-token', adminToken] });
  browser = await startBrowser({ after: (f) => ends.push(f) });
});

after(async () => {
  for (const end of ends) await end();
  await server?.close();
});

const auth = () => new Auth(server.direct);

const enter = (...about) => person.enter({ browser, auth, server }, ...about);

/** How often a price changes within a while; each change is a tick that was painted. */
const changes = (page, ms) => page.see(`new Promise((resolve) => {
  let n = 0;
  const seen = new MutationObserver((all) => { n += all.length; });
  document.querySelectorAll('.rows .last i').forEach((e) =>
    seen.observe(e, { characterData: true, subtree: true, attributes: true }));
  setTimeout(() => resolve(n), ${ms});
})`);

async function done(page) {
  assert.deepEqual(await page.wrongs(), []);
  assert.equal(await page.see('typeof hacked'), 'undefined');
  await page.close();
}

describe('what people do, several at once', { concurrency: 3 }, () => {
  test('the door says what is wrong, registers and logs in', { skip }, async () => {
    const page = await browser.page(server.direct);
    await login(page, 'nobody');
    await page.until('document.querySelector("#login-error").innerText'
      + '.startsWith("Invalid username or password")', 'wrong password');
    await page.click('#switch');
    await login(page, 'ann', 'short');
    await page.until('document.querySelector("#login-error").innerText.includes("8 characters")');
    await login(page, 'ann');
    await live(page);
    assert.equal(await page.text('#me-name'), 'ann');
    assert.match(await page.text('#empty'), /Nothing is watched yet/);
    assert.equal(await page.see('Object.values(localStorage).join().includes("ey")'), false);
    await page.reload();
    await live(page); // with the refresh token
    await page.click('#logout');
    await page.until('document.querySelector("#door:not([hidden])")', 'the door');
    assert.equal(await page.see('sessionStorage.getItem("azira.session")'), null);
    await page.click('#switch');
    await login(page, 'ann');
    await page.until('document.querySelector("#login-error").innerText.includes("already registered")',
      'the name is taken');
    await done(page);
  });

  test('by keyboard: tokens are found, added, tick, and go', { skip }, async () => {
    const page = await enter('kim');
    await live(page);
    await page.press('/');
    await page.type('nse:1');
    await page.until('document.querySelectorAll("#found [role=option]").length === 12', 'found');
    assert.equal(await page.text('#found [aria-selected=true]'), 'NSE:1');
    await page.press('ArrowDown');
    await page.press('Enter');
    await page.type('NSE:2, NSE:3, no such');
    await page.press('Enter');
    await page.until('document.querySelectorAll(".rows .row").length === 4', 'four rows');
    await page.until('document.querySelector(".rows .row .last").innerText.includes(".")', 'a price');
    await page.until('document.querySelector(".rows [data-flash]")', 'a flash');
    await page.until('document.querySelector(".rows .row:nth-child(4)").innerText'
      + '.includes("not known yet")', 'an unknown token is marked');
    assert.ok(await changes(page, 400) > 0, 'prices change');
    await page.until('document.querySelector("#fact-proof").innerText.includes("Proved")', 'proved');
    await page.press('Escape');
    await page.press('Escape');
    await page.press('w');
    await page.press('End');
    assert.equal(await page.text('.row:focus .token b'), 'no such');
    await page.press('Delete');
    await page.press('ArrowUp');
    await page.press('Delete');
    await page.until('document.querySelectorAll(".rows .row").length === 2', 'two rows');
    assert.equal(await page.text('.row:focus .token b'), 'NSE:3');
    await page.reload();
    await page.until('document.querySelectorAll(".rows .row").length === 2', 'kept over a reload');
    await done(page);
  });

  test('names that are markup are text', { skip }, async () => {
    const page = await enter(evil, [evil, 'NSE:1']);
    await live(page);
    await page.until('document.querySelector(".rows .row .last").innerText.includes(".")', 'a price');
    assert.equal(await page.text('.rows .token b'), evil);
    assert.equal(await page.text('#me-name'), evil);
    await page.press('/');
    await page.type('<img');
    await page.until('document.querySelector("#found [role=option]")?.innerText'
      + '.startsWith("<img src=x")', 'found as text');
    assert.equal(await page.see('document.querySelectorAll("[src=x]").length'), 0);
    await done(page);
  });

  test('the policy holds: markup from text is impossible', { skip }, async () => {
    const page = await browser.page(server.direct);
    await page.until('document.querySelector("#door:not([hidden])")', 'the door');
    await assert.rejects(page.see('document.body.innerHTML = "<i>x</i>"'), /TrustedHTML/);
    await page.see('document.body.append(Object.assign(document.createElement("img"),'
      + ' { src: "http://127.0.0.2:9/x.png" }))');
    await page.until('violations.some((v) => v.startsWith("img-src"))', 'nothing from elsewhere');
    await page.close();
  });

  test('fits a phone, in every view, and any window', { skip }, async () => {
    const long = `MCX:${'CRUDEOIL'.repeat(7)}`;
    const page = await enter('phil', [...tokens, long], { width: 390, height: 844, dark: false });
    await live(page);
    for (const width of [390, 320]) {
      await page.size(width, 700);
      for (const view of ['watch', 'inbox', 'streams']) {
        await page.click(`.views [data-view=${view}]`);
        const shown = await page.see(`document.querySelector('.panel.${view}').checkVisibility()`);
        assert.ok(shown, `${view} is shown`);
        const wide = await page.see(`[...document.querySelectorAll('body *')].filter((e) =>
          e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1
          && !e.closest('.unseen')).map((e) => e.tagName + '.' + e.className)`);
        assert.deepEqual(wide, [], `${view} at ${width}`);
        assert.ok(await page.see('document.documentElement.scrollWidth <= innerWidth'));
      }
    }
    await page.click('.views [data-view=watch]');
    for (const width of [320, 390, 620, 860, 1000, 1200, 1600]) {
      await page.size(width, 700);
      const cut = await page.see(`[...document.querySelectorAll('.row > *, .facts > *')].filter((e) =>
        e.checkVisibility() && e.getBoundingClientRect().right
        > document.querySelector('.watch').getBoundingClientRect().right).length`);
      assert.equal(cut, 0, `nothing is cut off at ${width}`);
      const over = await page.see(`[...document.querySelectorAll('.row .token b')].filter((e) =>
        e.getBoundingClientRect().right > e.parentElement.getBoundingClientRect().right + 1).length`);
      assert.equal(over, 0, `no name lies over a price at ${width}`);
    }
    await done(page);
  });

  test('a fourth stream says why, and what to do', { skip }, async () => {
    await auth().register('max', password);
    const keeper = auth().keep(await auth().login('max', password));
    const streams = [];
    for (let i = 0; i < 3; i++) {
      streams.push(await openStream({ server: server.direct, credential: keeper.credential }));
    }
    const page = await browser.page(server.direct);
    await login(page, 'max');
    await page.until('document.querySelector("#banner").innerText.includes("all 3 streams")', 'why');
    await page.until('document.querySelectorAll("#streams li").length === 3', 'all are listed');
    await page.click('#streams .close');
    await page.until('document.querySelectorAll("#streams li").length === 2', 'one is closed');
    await page.click('#banner-go');
    await live(page);
    assert.equal(streams.filter((s) => s.ended?.code === 3501).length, 1);
    await page.until('document.querySelector("#streams .tag:not([hidden])")', 'its own is marked');
    for (const s of streams) s.close();
    await done(page);
  });

  test('closed elsewhere: the stream, then the session', { skip }, async () => {
    const page = await enter('eva', ['NSE:1']);
    await live(page);
    const { bearer } = await auth().login('eva', password);
    const headers = { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' };
    const get = async () => (await (await fetch(`${server.direct}/api/v1/sessions`,
      { headers })).json()).sessions;
    const [{ id }] = await get();
    await fetch(`${server.direct}/api/v1/sessions/${id}`, { method: 'DELETE', headers });
    await page.until('document.querySelector("#banner").innerText.includes("was closed")', 'said');
    assert.ok(await page.see('document.querySelector(".rows").dataset.old !== undefined'));
    await page.click('#banner-go');
    await live(page);
    const body = JSON.stringify({ old_password: password, new_password: 'another password' });
    await fetch(`${server.direct}/api/v1/users/password`, { method: 'PUT', headers, body });
    await page.until('document.querySelector("#login-notice").innerText.includes("has ended")',
      'the door, and why');
    await done(page);
  });

  test('a second window does not take the session of the first', { skip }, async () => {
    const page = await enter('dup', ['NSE:1']);
    await live(page);
    const kept = await page.see('sessionStorage.getItem("azira.session")');
    await page.see('BroadcastChannel.prototype.postMessage = () => {}'); // as if too busy
    const other = await browser.page(server.direct, { context: page.browserContextId,
      early: `sessionStorage.setItem('azira.session', ${JSON.stringify(kept)})` });
    await other.until('document.querySelector("#door:not([hidden])")', 'the door');
    assert.equal(await page.see('sessionStorage.getItem("azira.session")'), kept);
    await done(page);
  });

  test('messages: sent, seen in both windows, read, older pages', { skip }, async () => {
    const page = await enter('ina');
    await live(page);
    const other = await person.visit({ browser, server }, 'ina');
    await live(other);
    await page.press('n');
    await page.type(evil);
    await page.press('Enter', 2);
    for (const p of [page, other]) {
      await p.until(`document.querySelector('.message .preview')?.innerText
        === ${JSON.stringify(evil)}`, 'the message');
      assert.equal(await p.text('#unread'), '1 unread');
    }
    assert.equal(await page.see('document.title'), '(1) Azira');
    await page.press('i');
    await page.press('Enter');
    await page.until('document.querySelector("#unread").hidden', 'read');
    assert.equal(await page.text('.message .content'), evil);
    await page.click('.message .reply');
    assert.equal(await page.see('to.value'), 'ina');
    assert.ok(await page.see('inbox.scrollWidth <= inbox.clientWidth'), 'nothing is too wide');
    await page.see('to.value = "ann"');
    await page.type('to another');
    await page.click('#send');
    await page.until('document.querySelector("#compose-error").innerText.includes("can’t write")');
    await page.press('Escape');
    await page.press('n'); // what was to be an answer is not in another message
    assert.deepEqual(await page.see('[to.value, content.value]'), ['ina', '']);
    await page.press('Escape');
    const { bearer } = await auth().login('ina', password);
    for (let i = 0; i < 35; i++) await send(bearer, { username: 'ina', content: `number ${i}` });
    await page.until('document.querySelectorAll(".message").length === 36', 'as they come');
    assert.equal(await page.text('#unread'), '35 unread');
    await page.click('#read-all');
    await page.until('document.querySelector("#unread").hidden', 'all are read');
    const { unread } = await messagesOf(bearer, (m) => m.unread === 0);
    assert.equal(unread, 0); // else they would come again
    await page.reload();
    await page.until('document.querySelectorAll(".message").length === 30', 'the newest');
    assert.equal(await page.text('.message .preview'), 'number 34');
    await page.see('document.querySelector("#older").click()');
    await page.until('document.querySelectorAll(".message").length === 36', 'all');
    assert.equal(await page.text('.message:last-child .preview'), evil);
    await done(other);
    await done(page);
  });

  test('presence is shown as the server tells it', { skip }, async () => {
    const page = await enter('pre', [], { early: `const real = fetch;
      fetch = (url, ...more) => (String(url) === '/api/v1/presence/pre'
        ? Promise.resolve(Response.json({ client: 'pre', online: true, connections: 2,
          since: Date.now() * 1000, last_seen: null })) : real(url, ...more));` });
    await live(page);
    await page.until('/online since .*, 2 streams/.test(document.querySelector("#me-presence")'
      + '.innerText)', 'presence');
    assert.equal(await page.see('document.querySelector("#me-dot").dataset.state'), 'good');
    await done(page);
  });
});

/** The inbox by HTTP, as soon as it is so, or after a while as it is. */
async function messagesOf(bearer, is) {
  for (const end = Date.now() + 5000; ; await pause(30)) {
    const page = await (await fetch(`${server.direct}/api/v1/messages`,
      { headers: { Authorization: `Bearer ${bearer}` } })).json();
    if (is(page) || Date.now() > end) return page;
  }
}

async function send(bearer, body) {
  const answer = await fetch(`${server.direct}/api/v1/messages`, { method: 'POST',
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body) });
  assert.equal(answer.status, 202);
}

test('a feed that rests is said, and so are its prices', { skip }, async () => {
  const page = await enter('fay', ['NSE:1']);
  await live(page);
  server.publisher.kill('SIGSTOP');
  await page.until('document.querySelector("#fact-feed").innerText.includes("Stale")', 'stale');
  assert.match(await page.text('#banner'), /the last there were/);
  assert.ok(await page.see('document.querySelector(".rows").dataset.old !== undefined'));
  server.publisher.kill('SIGCONT');
  await live(page);
  await done(page);
});

test('a restart of the server: said, and live again', { skip }, async () => {
  const page = await enter('rea', ['NSE:1', 'NSE:2']);
  await live(page);
  await server.stop('SIGKILL');
  await page.until('/does not answer|is lost/.test(document.querySelector("#banner").innerText)',
    'the server is gone');
  assert.ok(await page.see('document.querySelector(".rows").dataset.old !== undefined'));
  await server.start();
  await live(page);
  await page.until('document.querySelector("#fact-stream").innerText.includes("2 connections")',
    'connected anew');
  assert.ok(await changes(page, 500) > 0, 'prices change');
  assert.match(await page.text('.rows .token small'), /gap/);
  await done(page);
});

test('the operator’s page shows the server', { skip }, async () => {
  const other = await enter('opa', ['NSE:1', 'NSE:2']);
  await live(other);
  const page = await browser.page(server.admin, { width: 390, height: 844 });
  await page.until('document.querySelector("#ask:not([hidden])")', 'the token is asked for');
  await page.type('wrong');
  await page.press('Enter');
  await page.until('document.querySelector("#trouble").innerText.includes("not the token")');
  await page.type(adminToken);
  await page.press('Enter');
  await page.until('document.querySelector("#tile-ticks-in dd")?.innerText.length > 3', 'ticks');
  assert.match(await page.text('#state'), /Serving/);
  assert.match(await page.text('#tile-feed'), /Live/);
  assert.match(await page.text('#tile-memory'), /MiB/);
  assert.match(await page.text('#parked'), /No stream is slow/);
  assert.match(await page.text('#busiest'), /NSE:/);
  await page.until('document.querySelector("#bars-first b").innerText.includes("p99")', 'latency');
  assert.ok(await page.see('document.documentElement.scrollWidth <= innerWidth'), 'no wider');
  await page.until(`document.querySelector('#busiest').innerText.includes(${JSON.stringify(evil)})`,
    'a token as text');
  await done(page);
  await done(other);
});
