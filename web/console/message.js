import { copy, el, mark, say } from './dom.js';
import { moment, when } from './words.js';

const previewLength = 160;

/**
 * A Message is one item of the inbox: a line that unfolds. What people wrote is shown as
 * the text that it is.
 */
export class Message {
  #line;
  #body;

  /** opened(message) when it is unfolded, replies(message) at the button. */
  constructor(m, { opened, replies }) {
    this.id = m.id;
    this.from = m.from;
    this.text = m.encoding === 'base64' ? binary(m.content) : String(m.content ?? '');
    this.element = copy('message');
    const find = (selector) => this.element.querySelector(selector);
    this.#line = find('.line');
    this.#body = find('.body');
    const time = new Date(m.ts / 1000);
    say(find('.from'), m.from);
    find('.kind').hidden = !m.kind || m.kind === 'text';
    say(find('.kind'), m.kind ?? '');
    find('time').dateTime = time.toISOString();
    find('time').title = moment(time);
    say(find('time'), when(time));
    say(find('.preview'), this.text.slice(0, previewLength) || '(empty)');
    say(find('.content'), this.text || '(empty)');
    say(find('.body small'), notes(m, time));
    this.#line.addEventListener('click', () => {
      this.#unfold();
      opened(this);
    });
    find('.reply').addEventListener('click', () => replies(this));
    find('.reply').setAttribute('aria-label', `Reply to ${m.from}`);
  }

  set unread(is) {
    mark(this.element, 'unread', is ? 'yes' : undefined);
    const label = this.#line.querySelector('.unseen');
    if (is && !label) this.#line.prepend(el('span', { class: 'unseen' }, 'Unread.'));
    else if (!is) label?.remove();
  }

  #unfold() {
    const open = this.#body.hidden;
    this.#body.hidden = !open;
    this.#line.setAttribute('aria-expanded', String(open));
  }
}

function notes(m, time) {
  const parts = [moment(time)];
  if (m.group) parts.push(`to all of ${m.group}`);
  if (m.reply_to) parts.push('a reply');
  if (m.expires) parts.push(`until ${moment(new Date(m.expires / 1000))}`);
  return parts.join(' · ');
}

function binary(content) {
  const bytes = Math.floor(String(content).replace(/=+$/, '').length * 3 / 4);
  return `(${bytes} bytes that are no text)`;
}
