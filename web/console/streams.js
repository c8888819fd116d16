import { HttpError } from './client/index.js';
import { $, copy, mark, say, toast, whileSeen } from './dom.js';
import { explain, moment, when, whole } from './words.js';

const everyMs = 5000;

/** The Streams are those that the account has open, here and elsewhere, and its presence. */
export class Streams {
  #api;
  #me; // () → username
  #own = () => undefined; // id of this window's stream
  #items = new Map(); // id → element
  #hasPresence = true;
  #busy = false;
  #again = false;

  constructor(api, me, own) {
    this.#api = api;
    this.#me = me;
    this.#own = own;
    $('streams-again').addEventListener('click', () => this.look());
  }

  start() {
    whileSeen(everyMs, () => this.look());
    this.look();
  }

  async look() {
    this.#again = this.#busy; // something has changed since it was asked
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { sessions } = await this.#api.get('/api/v1/sessions');
      this.#show(sessions);
      await this.#lookAtPresence();
      say($('streams-note'), '');
    } catch (error) {
      say($('streams-note'), explain(error));
      mark($('me-dot'), 'state', 'unknown');
    } finally {
      this.#busy = false;
      if (this.#again) this.look();
    }
  }

  /** The account may have so many. */
  set most(n) {
    this.#most = n;
    this.#count();
  }

  #most = 0;

  #count() {
    const n = this.#items.size;
    say($('streams-count'), this.#most ? `${n} of ${whole(this.#most)}` : String(n));
  }

  #show(sessions) {
    const gone = new Set(this.#items.keys());
    for (const s of sessions) {
      gone.delete(s.id);
      let item = this.#items.get(s.id);
      if (!item) {
        item = copy('stream');
        item.querySelector('.close').addEventListener('click', () => this.#close(s.id, item));
        this.#items.set(s.id, item);
        $('streams').append(item);
      }
      this.#fill(item, s);
    }
    for (const id of gone) {
      this.#items.get(id).remove();
      this.#items.delete(id);
    }
    this.#count();
  }

  #fill(item, s) {
    const isOwn = s.id === this.#own();
    const since = new Date(s.since);
    say(item.querySelector('b'), program(s.agent));
    item.querySelector('b').title = s.agent;
    item.querySelector('.tag').hidden = !isOwn;
    say(item.querySelector('small'), `${s.dialect} · ${whole(s.tokens)} tokens · ${s.address}`
      + ` · since ${when(since)}`);
    item.querySelector('small').title = moment(since);
    item.querySelector('.close').setAttribute('aria-label',
      `Close the stream of ${program(s.agent)} at ${s.address}${isOwn ? ', this window' : ''}`);
  }

  async #close(id, item) {
    const button = item.querySelector('.close');
    button.disabled = true;
    try {
      await this.#api.delete(`/api/v1/sessions/${encodeURIComponent(id)}`);
    } catch (error) {
      const isGone = error instanceof HttpError && error.status === 404;
      if (!isGone) toast(explain(error), 'bad');
    } finally {
      button.disabled = false;
      this.look();
    }
  }

  async #lookAtPresence() {
    if (!this.#hasPresence) return;
    try {
      const p = await this.#api.get(`/api/v1/presence/${encodeURIComponent(this.#me())}`);
      mark($('me-dot'), 'state', p.online ? 'good' : 'unknown');
      say($('me-presence'), presence(p));
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 404) throw error;
      this.#hasPresence = false; // this server has none
      $('me-dot').hidden = true;
    }
  }
}

function presence({ online, connections, since, last_seen: seen }) {
  if (online) {
    const n = `${connections} stream${connections === 1 ? '' : 's'}`;
    return since ? `online since ${when(new Date(since / 1000))}, ${n}` : `online, ${n}`;
  }
  return seen ? `offline, last seen ${when(new Date(seen / 1000))}` : 'offline';
}

/** What an agent calls itself, in a word or two. */
function program(agent) {
  const names = [[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'],
    [/Safari\//, 'Safari']];
  const systems = [[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'],
    [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']];
  const of = (list) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const name = of(names);
  if (!name) return agent.split(' ')[0].slice(0, 40) || 'A program';
  const system = of(systems);
  return system ? `${name} on ${system}` : name;
}
