import { $, say, toast } from './dom.js';
import { random } from './session.js';
import { explain } from './words.js';

const contentBytesMax = 16 * 1024;

/**
 * The form that writes a message: to oneself, or as an answer. What was written and not
 * sent is there when the form is opened again for the same, and never in another answer.
 */
export class Compose {
  #api;
  #me;
  #replyTo;
  #draftFor; // what the text that is there was to answer
  #key; // of the message being written: sent twice it is one

  /** me() is the account's own name. */
  constructor(api, me) {
    this.#api = api;
    this.#me = me;
    $('write').addEventListener('click', () => ($('compose').hidden ? this.open() : this.close()));
    $('compose-off').addEventListener('click', () => this.close());
    $('reply-off').addEventListener('click', () => {
      this.#reply(undefined);
      this.#draftFor = undefined;
    });
    $('compose').addEventListener('input', () => {
      this.#key = undefined;
    });
    $('compose').addEventListener('submit', (e) => {
      e.preventDefault();
      this.#send();
    });
    $('compose').addEventListener('keydown', (e) => {
      if (e.key === 'Escape') this.close();
      else if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) this.#send();
      else return;
      e.preventDefault();
      e.stopPropagation();
    });
  }

  open(message) {
    $('compose').hidden = false;
    $('write').setAttribute('aria-expanded', 'true');
    this.#fault('');
    if (message?.id !== this.#draftFor) $('to').value = $('content').value = '';
    this.#draftFor = message?.id;
    this.#reply(message);
    $('to').value = message?.from ?? ($('to').value || this.#me());
    $('content').focus();
  }

  close() {
    const hadFocus = $('compose').contains(document.activeElement);
    $('compose').hidden = true;
    $('write').setAttribute('aria-expanded', 'false');
    if (hadFocus) $('write').focus();
  }

  #reply(message) {
    this.#replyTo = message?.id;
    this.#key = undefined;
    $('replying').hidden = !message;
    say($('replying').querySelector('span'),
      message ? `Reply to: ${message.text.slice(0, 120)}` : '');
  }

  async #send() {
    if ($('send').disabled) return;
    const [username, content] = [$('to').value.trim(), $('content').value];
    if (username === '') return this.#fault('Say to whom.', 'to');
    if (content === '') return this.#fault('The message is empty.', 'content');
    const bytes = new TextEncoder().encode(content).length;
    if (bytes > contentBytesMax) {
      return this.#fault(`That is ${bytes} bytes; ${contentBytesMax} are allowed.`, 'content');
    }
    this.#fault('');
    this.#key ??= random();
    $('send').disabled = true;
    try {
      const body = { username, content };
      if (this.#replyTo !== undefined) body.reply_to = this.#replyTo;
      await this.#api.post('/api/v1/messages', body, { 'Idempotency-Key': this.#key });
      this.#key = undefined;
      $('content').value = '';
      toast(`Sent to ${username}.`);
      this.close();
    } catch (error) {
      const text = error.status === 403
        ? `You can’t write to ${username}: only to yourself, or in reply to who wrote to you.`
        : explain(error);
      this.#fault(text, 'content');
    } finally {
      $('send').disabled = false;
    }
    return undefined;
  }

  #fault(text, at) {
    say($('compose-error'), text);
    if (at) $(at).focus();
  }
}
