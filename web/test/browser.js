// A browser, driven over the DevTools protocol: what a person does and sees.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { show } from '../../client/js/test/chromium.js';
import { pause } from '../../client/js/test/check.js';

const flags = ['--remote-debugging-port=0', '--hide-scrollbars', '--force-color-profile=srgb'];

/** Starts one, until the test t is over: {page(url, options)}. */
export async function startBrowser(t) {
  const { profile, left } = show(t, 'about:blank', flags);
  left.catch(() => {});
  const port = await portOf(profile);
  return { page: (url, options) => openPage(port, url, options) };
}

async function portOf(profile) {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(50)) {
    try {
      const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n');
      if (port) return port;
    } catch {
      // Not yet.
    }
  }
  throw new Error('the browser opens no port');
}

/** Opens url in a context of its own, as a person who was never here, or in another page's. */
async function openPage(port, url, options = {}) {
  const { webSocketDebuggerUrl } = await (await fetch(
    `http://127.0.0.1:${port}/json/version`)).json();
  const wire = await Wire.open(webSocketDebuggerUrl);
  const browserContextId = options.context
    ?? (await wire.send('Target.createBrowserContext')).browserContextId;
  const { targetId } = await wire.send('Target.createTarget', { url: 'about:blank',
    browserContextId });
  const { sessionId } = await wire.send('Target.attachToTarget', { targetId, flatten: true });
  const page = new Page(wire, sessionId, targetId, browserContextId);
  await page.begin(url, options);
  return page;
}

class Wire {
  #socket;
  #count = 0;
  #asked = new Map();
  listeners = new Set();

  static open(url) {
    const wire = new Wire();
    wire.#socket = new WebSocket(url);
    wire.#socket.onmessage = ({ data }) => wire.#hear(JSON.parse(data));
    return new Promise((resolve, reject) => {
      wire.#socket.onopen = () => resolve(wire);
      wire.#socket.onerror = () => reject(new Error('no DevTools'));
    });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#count;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.#asked.set(id, { method, resolve, reject }));
  }

  close() {
    this.#socket.close();
  }

  #hear({ id, result, error, method, params }) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked?.reject(new Error(`${asked.method}: ${error.message}`));
    else if (asked) asked.resolve(result);
    else for (const f of this.listeners) f(method, params);
  }
}

/** One page. What it does that it must not is gathered in `faults`. */
class Page {
  faults = []; // violations of the policy, exceptions, requests to elsewhere

  constructor(wire, sessionId, targetId, browserContextId) {
    this.wire = wire;
    this.sessionId = sessionId;
    this.targetId = targetId;
    this.browserContextId = browserContextId;
  }

  send(method, params) {
    return this.wire.send(method, params, this.sessionId);
  }

  async begin(url, { width = 1280, height = 800, dark = true, scale = 1, early = '' }) {
    const own = new URL(url).host;
    this.wire.listeners.add((method, params) => this.#note(method, params, own));
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.send(`${domain}.enable`);
    await this.size(width, height, scale);
    await this.scheme(dark);
    await this.send('Page.addScriptToEvaluateOnNewDocument', { source: `${early};
      window.violations = [];
      document.addEventListener('securitypolicyviolation',
        (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI));` });
    await this.goto(url);
  }

  #note(method, params, own) {
    if (method === 'Runtime.exceptionThrown') {
      const { exceptionDetails: d } = params;
      this.faults.push(`exception: ${d.exception?.description ?? d.text}`);
    }
    const url = params?.request?.url ?? (method === 'Network.webSocketCreated' ? params.url : '');
    if (/^(https?|wss?):/.test(url) && new URL(url).host !== own) {
      this.faults.push(`request to elsewhere: ${url}`);
    }
    if (method === 'Log.entryAdded' && params.entry.source === 'security') {
      this.faults.push(`security: ${params.entry.text}`);
    }
  }

  goto(url) {
    return this.send('Page.navigate', { url });
  }

  reload() {
    return this.send('Page.reload');
  }

  size(width, height, scale = 1) {
    return this.send('Emulation.setDeviceMetricsOverride',
      { width, height, deviceScaleFactor: scale, mobile: width < 600 });
  }

  scheme(dark) {
    return this.send('Emulation.setEmulatedMedia',
      { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  }

  /** The value of an expression in the page. */
  async see(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** Waits until an expression holds, and gives its value. */
  async until(expression, what = expression, ms = 10_000) {
    for (const end = Date.now() + ms; Date.now() < end; await pause(30)) {
      try {
        const value = await this.see(expression);
        if (value) return value;
      } catch {
        // Between two documents.
      }
    }
    const text = await this.see('document.body.innerText').catch(() => '');
    throw new Error(`did not happen: ${what}\n${text}\n${this.faults.join('\n')}`);
  }

  /** The text of an element as it is shown; '' where there is none. */
  text(selector) {
    return this.see(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
  }

  async click(selector) {
    const at = await this.until(`(() => {
      const e = document.querySelector(${JSON.stringify(selector)});
      if (!e || e.disabled || !e.checkVisibility()) return null;
      e.scrollIntoView({ block: 'nearest' });
      const r = e.getBoundingClientRect();
      return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
    })()`, `${selector} can be clicked`);
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
    }
  }

  /** Types text where the focus is. */
  type(text) {
    return this.send('Input.insertText', { text });
  }

  /** Presses a key by its name, as KeyboardEvent.key has it. */
  async press(key, modifiers = 0) {
    const codes = { Enter: 13, Escape: 27, Tab: 9, Delete: 46, ArrowDown: 40, ArrowUp: 38, End: 35 };
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    const event = { key, modifiers, text, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0) };
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  /** A picture of what is seen, PNG. */
  async picture() {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  /** Everything that it did and must not have done. */
  async wrongs() {
    return [...this.faults, ...await this.see('violations')];
  }

  async close() {
    await this.wire.send('Target.disposeBrowserContext',
      { browserContextId: this.browserContextId });
    this.wire.close();
  }
}
