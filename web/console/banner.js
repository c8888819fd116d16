import { $, mark, say } from './dom.js';
import { explain, sentence, span } from './words.js';

/**
 * The Banner says what keeps the prices from being those of now, and what can be done
 * about it. It is empty while all is well.
 */
export class Banner {
  #again;
  #leave;

  /** again() opens the stream anew; leave() goes to the door. */
  constructor({ again, leave }) {
    this.#again = again;
    this.#leave = leave;
    $('banner-go').addEventListener('click', () => this.act());
  }

  /** state is the Line's, feed the stream's. Returns what is said, '' for nothing. */
  show(state, feed) {
    const [text, kind, action, act] = this.#words(state, feed);
    say($('banner-text'), text);
    mark($('banner'), 'state', kind);
    $('banner').hidden = text === '';
    $('banner-go').hidden = !action;
    if (action) say($('banner-go'), action);
    this.act = act ?? (() => {});
    return text;
  }

  act = () => {};

  #words(state, feed) {
    switch (state.name) {
      case 'waiting':
        return [waiting(state), 'warn'];
      case 'ended':
        return this.#ended(state);
      case 'open':
        if (feed === 'stale') {
          return ['The feed says nothing: prices are the last there were.', 'warn'];
        }
        if (feed === 'down') {
          return ['The server has lost the feed: prices are the last there were.', 'bad'];
        }
    }
    return ['', ''];
  }

  #ended({ kind, code, text }) {
    const again = ['Open again', this.#again];
    switch (kind) {
      case 'session':
        return ['Your session has ended.', 'bad', 'Log in', this.#leave];
      case 'limit': {
        const most = /limit (\d+)/.exec(text)?.[1];
        if (/vendor/.test(text)) {
          return ['Your vendor has all the streams that it may have.', 'bad', ...again];
        }
        const all = most ? `all ${most} streams` : 'all the streams';
        return [`You have ${all} that you may have. Close one of them, then`, 'bad', ...again];
      }
      case 'closed':
        return ['This stream was closed, by you or an operator, elsewhere.', 'bad', ...again];
      case 'replaced':
        return ['A newer stream of yours took the place of this one.', 'bad', ...again];
    }
    const why = text ? sentence(text) : 'The server gave no reason.';
    return [`The stream has ended: ${why}${code ? ` (${code})` : ''}`, 'bad', ...again];
  }
}

function waiting({ error, until }) {
  const left = until - Date.now();
  const next = left > 1000 ? `Trying again in ${span(left)}.` : 'Trying again.';
  switch (error?.code) {
    case 1012: return `The server restarts. ${next}`;
    case 3005: return `The login was renewed. ${next}`;
    case 3008: return `This page could not keep up. ${next}`;
  }
  const isHttp = error?.name === 'HttpError' || error instanceof TypeError;
  return `${isHttp ? explain(error) : 'The connection is lost.'} ${next}`;
}
