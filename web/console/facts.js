import { $, mark, say } from './dom.js';
import { span, when, whole } from './words.js';

const feeds = {
  live: ['Live', 'good'],
  stale: ['Stale', 'warn'],
  down: ['Down', 'bad'],
};
const states = {
  connecting: ['Connecting', 'warn'],
  open: ['Open', 'good'],
  waiting: ['Retrying', 'warn'],
  ended: ['Closed', 'bad'],
};

/** The Facts say what is known of the stream: its feed, its proof, its counts. */
export class Facts {
  #stream = null;
  #state = { name: 'connecting' };
  #ageMs = null;
  #ticks = 0; // since the page began
  #before = 0; // at the last look
  #lookedAt = 0;
  #isDue = false; // show is to be called
  #feedGaps = 0; // ticks that the feed itself lost

  /** The line is in another state. */
  become(state) {
    this.#state = state;
    this.show();
  }

  use(stream) {
    this.#stream = stream;
    this.#ageMs = null;
    const one = () => {
      this.#ticks++;
    };
    stream.on('tick', one);
    stream.on('hb', ({ age_ms: age }) => {
      this.#ageMs = age;
    });
    for (const name of ['feed', 'complete', 'incomplete']) stream.on(name, () => this.#soon());
    stream.on('gap', ({ reason, from, to }) => {
      if (reason === 'feed') this.#feedGaps += Math.max(1, to - from + 1);
    });
  }

  /** Counted per second since the last look. */
  look() {
    const now = performance.now();
    const rate = (this.#ticks - this.#before) * 1000 / (now - this.#lookedAt);
    fact('ticks', this.#lookedAt ? `${whole(rate)}/s` : '–');
    this.#before = this.#ticks;
    this.#lookedAt = now;
    this.show();
  }

  show() {
    const stream = this.#stream;
    this.#showFeed(stream?.feed);
    this.#showStream(stream);
    if (!stream) return;
    const p = stream.proof();
    this.#showProof(p);
    fact('ticks', undefined, `${whole(p.received)} received`);
    const share = p.published ? (100 * p.skipped / p.published).toFixed(1) : 0;
    fact('skipped', whole(p.skipped),
      p.skipped ? `${share} % left out, and counted` : 'none left out', p.skipped ? 'warn' : '');
    fact('gaps', whole(p.gapped), gapText(p.gapped, this.#feedGaps),
      p.gapped || this.#feedGaps ? 'warn' : '');
  }

  // Of many tokens that break at once each says so.
  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.show();
    });
  }

  #showFeed(feed) {
    const [text, state] = feeds[feed] ?? ['Unknown', ''];
    const age = this.#ageMs;
    const sub = age === null ? 'no tick in this run' : `last tick ${ago(age)}`;
    fact('feed', text, feed ? sub : '', state);
  }

  #showStream(stream) {
    const { name, until, since } = this.#state;
    const [text, state] = states[name];
    let sub = '';
    if (name === 'waiting') sub = `in ${span(until - Date.now())}`;
    if (name === 'open') {
      const again = stream.connects > 1 ? `, ${stream.connects} connections` : '';
      sub = `since ${when(new Date(since))}${again}`;
    }
    fact('stream', text, sub, state);
  }

  #showProof(p) {
    if (p.lost > 0) {
      fact('proof', `${whole(p.lost)} lost`, 'and not to be had again', 'bad');
    } else if (p.complete === true) {
      const sub = p.tokens ? `all ${whole(p.published)} ticks` : 'nothing to hold';
      fact('proof', 'Proved', sub, 'good');
    } else if (p.complete === false) {
      fact('proof', 'Repairing', 'missing ticks are asked for', 'warn');
    } else {
      fact('proof', 'Unknown', 'until a heartbeat', '');
    }
  }
}

function ago(ms) {
  return ms < 1000 ? `${ms} ms ago` : `${span(ms)} ago`;
}

function gapText(gapped, ofFeed) {
  const parts = [];
  if (gapped) parts.push('can’t be had any more');
  if (ofFeed) parts.push(`${whole(ofFeed)} before the server`);
  return parts.join(', ') || 'none';
}

function fact(name, text, sub, state) {
  const box = $(`fact-${name}`);
  if (text !== undefined) say(box.children[1], text);
  if (sub !== undefined) {
    say(box.children[2], sub);
    if (box.children[2].title !== sub) box.children[2].title = sub;
  }
  if (state !== undefined) mark(box, 'state', state);
}
