import { HttpError } from './client/index.js';
import { Compose } from './compose.js';
import { $, say, toast, whileSeen } from './dom.js';
import { Message } from './message.js';
import { explain, whole } from './words.js';

const pageSize = 30;
const shownMax = 1000; // beyond that those that come push the oldest out
const refreshMs = 20_000; // messages may have been read in another window
const path = '/api/v1/messages';
const newest = `${path}?order=newest&limit=${pageSize}`;

/**
 * The Inbox shows the messages of the account, newest first: those that come as they
 * come, older ones in pages. Reading one acknowledges it and all before it, at the server
 * and so in every window.
 */
export class Inbox {
  isThere = false; // the server has messages at all

  #api;
  #stream = null;
  #compose;
  #messages = new Map(); // id → Message
  #acked = 0;
  #older = null; // the cursor of the next page
  #unread = 0; // also of those that are not loaded
  #changed;

  /** changed(unread) is called when that number may be another. */
  constructor(api, me, changed) {
    this.#api = api;
    this.#changed = changed;
    this.#compose = new Compose(api, me);
    $('read-all').addEventListener('click', () => this.#read(Math.max(...this.#messages.keys())));
    $('older').addEventListener('click', () => this.#more());
  }

  /** Looks whether there is an inbox, and at its newest page. */
  async start() {
    try {
      const page = await this.#api.get(newest);
      this.isThere = true;
      $('inbox').hidden = $('tab-inbox').hidden = false;
      this.#acked = Math.max(this.#acked, page.acked ?? 0);
      this.#unread = page.unread ?? 0;
      this.#older = page.next ?? null;
      for (const m of page.messages) this.#put(m);
      this.#show();
      whileSeen(refreshMs, () => this.#refresh());
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return; // this server has none
      toast(explain(error), 'bad');
    }
  }

  use(stream) {
    this.#stream = stream;
    stream.on('message', (m) => this.#came(m));
    stream.on('missed', ({ dropped }) => {
      toast(`${whole(dropped)} messages that you never read are gone: there was no room.`, 'bad');
    });
    stream.on('connected', () => this.isThere && this.#refresh());
  }

  compose() {
    if (this.isThere) this.#compose.open();
  }

  focus() {
    ($('messages').querySelector('.line') ?? $('write')).focus();
  }

  async #refresh() {
    try {
      const page = await this.#api.get(newest);
      this.#acked = Math.max(this.#acked, page.acked ?? 0);
      this.#unread = page.unread ?? 0;
      for (const m of page.messages) this.#put(m);
      this.#show();
    } catch {
      // The stream tells of what comes; the rest can wait.
    }
  }

  #came(m) {
    if (this.#messages.has(m.id)) return; // again, since it is not read yet
    this.#put(m);
    if (m.id > this.#acked && !m.redelivered) this.#unread++;
    this.#trim();
    this.#show();
  }

  #put(m) {
    if (this.#messages.has(m.id)) return;
    const message = new Message(m, {
      opened: ({ id }) => this.#read(id),
      replies: (to) => this.#compose.open(to),
    });
    this.#messages.set(m.id, message);
    const list = $('messages');
    const after = [...list.children].find((li) => Number(li.dataset.id) < m.id);
    message.element.dataset.id = m.id;
    list.insertBefore(message.element, after ?? null);
  }

  // What is let go of is a page that can be had again.
  #trim() {
    while (this.#messages.size > shownMax) {
      const last = $('messages').lastElementChild;
      this.#messages.delete(Number(last.dataset.id));
      last.remove();
      this.#older = Number($('messages').lastElementChild.dataset.id);
    }
  }

  async #more() {
    $('older').disabled = true;
    try {
      const page = await this.#api.get(`${newest}&before=${this.#older}`);
      this.#older = page.next ?? null;
      for (const m of page.messages) this.#put(m);
      this.#show();
    } catch (error) {
      toast(explain(error), 'bad');
    } finally {
      $('older').disabled = false;
    }
  }

  // By the stream where there is one, else over HTTP.
  async #read(id) {
    if (!(id > this.#acked)) return;
    const before = this.#acked;
    this.#acked = id;
    const nowRead = [...this.#messages.keys()].filter((k) => k > before && k <= id).length;
    this.#unread = Math.max(0, this.#unread - nowRead);
    if (id === Math.max(...this.#messages.keys())) this.#unread = 0;
    this.#show();
    try {
      if (this.#stream?.connected) await this.#stream.ack(id);
      else await this.#api.post(`${path}/ack`, { message: id });
    } catch (error) {
      toast(explain(error), 'bad');
    }
  }

  #show() {
    for (const m of this.#messages.values()) m.unread = m.id > this.#acked;
    const n = this.#unread;
    $('unread').hidden = $('tab-unread').hidden = $('read-all').hidden = n === 0;
    say($('unread'), `${whole(n)} unread`);
    say($('tab-unread'), whole(n));
    $('older').hidden = this.#older === null;
    $('no-messages').hidden = this.#messages.size > 0;
    this.#changed(n);
  }
}
