import { Api } from './api.js';
import { Banner } from './banner.js';
import { $, say, whileSeen } from './dom.js';
import { Facts } from './facts.js';
import { Inbox } from './inbox.js';
import { listen, view } from './keys.js';
import { Line } from './line.js';
import { Search } from './search.js';
import { leave } from './session.js';
import { Streams } from './streams.js';
import { suggest, Watchlist } from './watchlist.js';
import { whole } from './words.js';

const retryMs = 15_000; // tokens that the server did not know are asked for again
const suggestions = 8;

/**
 * The Console is the page of who is logged in: it makes the parts and tells them of each
 * other.
 *
 *   Line ── stream ──▶ Watchlist, Facts, Inbox
 *     └──── state ───▶ Banner, Facts, Streams
 */
export class Console {
  #session;
  #api;
  #line;
  #watchlist;
  #search;
  #facts = new Facts();
  #banner;
  #inbox;
  #streams;

  constructor(session) {
    this.#session = session;
    const ended = () => leave('Your session has ended: it was closed elsewhere, or its time'
      + ' was over.');
    this.#api = new Api(session.bearer, ended);
    this.#line = new Line(session.credential, {
      changed: (state) => this.#changed(state),
      opened: (stream) => this.#opened(stream),
    });
    this.#banner = new Banner({ again: () => this.#line.open(), leave: ended });
    const me = () => this.#line.stream?.welcome?.username ?? session.username;
    this.#watchlist = new Watchlist(session.username, () => this.#suggest());
    this.#search = new Search(this.#api, this.#watchlist);
    this.#inbox = new Inbox(this.#api, me, (unread) => title(unread));
    this.#streams = new Streams(this.#api, me, () => this.#line.stream?.welcome?.conn);
  }

  start() {
    say($('me-name'), this.#session.username);
    $('logout').addEventListener('click', () => this.#session.logout());
    this.#listen();
    this.#line.open();
    this.#inbox.start();
    this.#streams.start();
    this.#suggest();
    whileSeen(1000, () => {
      this.#facts.look();
      this.#look();
    });
    whileSeen(retryMs, () => this.#watchlist.retry());
  }

  #listen() {
    const go = (name, part) => () => {
      view(name);
      part.focus();
    };
    listen({
      '/': go('watch', this.#search),
      w: go('watch', this.#watchlist),
      i: () => this.#inbox.isThere && go('inbox', this.#inbox)(),
      s: go('streams', { focus: () => ($('streams').querySelector('button')
        ?? $('streams-again')).focus() }),
      n: () => {
        view('inbox');
        this.#inbox.compose();
      },
      '?': () => $('keys-list').showModal(),
    });
  }

  #opened(stream) {
    this.#facts.use(stream);
    this.#inbox.use(stream);
    this.#watchlist.use(stream);
    stream.on('feed', () => this.#look());
    this.#streams.most = stream.welcome.limits?.connections ?? 0;
    say($('me-name'), stream.welcome.username);
  }

  #changed(state) {
    this.#facts.become(state);
    this.#look();
    if (state.name === 'open') this.#watchlist?.retry();
    if (state.name === 'open' || state.name === 'ended') this.#streams.look();
    if (state.name === 'ended' && (state.kind === 'limit' || state.kind === 'closed')) {
      view('streams'); // where something can be done about it
    }
  }

  #look() {
    const why = this.#banner.show(this.#line.state, this.#line.stream?.feed);
    this.#watchlist.old = why;
  }

  async #suggest() {
    if (!this.#search || this.#watchlist.tokens.length > 0) return;
    const known = await this.#search.some(suggestions);
    suggest(known, (tokens) => this.#watchlist.add(tokens));
  }
}

function title(unread) {
  document.title = unread ? `(${whole(unread)}) Azira` : 'Azira';
}
