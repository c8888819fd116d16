import { HttpError } from './client/index.js';
import { $, say } from './dom.js';
import { noticed } from './session.js';
import { explain } from './words.js';

const words = {
  login: { go: 'Log in', text: 'No account yet?', other: 'Register', fills: 'current-password' },
  register: { go: 'Register', text: 'You have an account?', other: 'Log in',
    fills: 'new-password' },
};
const passwordBytesMin = 8;

/** The Door asks who it is: it logs a session in, or registers and logs in. */
export class Door {
  #session;
  #entered;
  #mode = 'login';

  /** entered() is called when the session is logged in. */
  constructor(session, entered) {
    this.#session = session;
    this.#entered = entered;
    $('login').addEventListener('submit', (e) => {
      e.preventDefault();
      this.#go();
    });
    $('switch').addEventListener('click', () => {
      this.#turn(this.#mode === 'login' ? 'register' : 'login');
    });
    $('reveal').addEventListener('click', () => this.#reveal());
  }

  show() {
    const notice = noticed();
    say($('login-notice'), notice);
    $('login-notice').hidden = notice === '';
    $('door').hidden = false;
    $('username').focus();
  }

  hide() {
    $('door').hidden = true;
    $('password').value = '';
  }

  #turn(mode) {
    this.#mode = mode;
    const w = words[mode];
    say($('login-go'), w.go);
    say($('switch-text'), w.text);
    say($('switch'), w.other);
    $('password').autocomplete = w.fills;
    $('password-hint').hidden = mode === 'login';
    this.#fault('');
    $('username').focus();
  }

  #reveal() {
    const shown = $('password').type === 'text';
    $('password').type = shown ? 'password' : 'text';
    say($('reveal'), shown ? 'Show' : 'Hide');
    $('reveal').setAttribute('aria-pressed', String(!shown));
  }

  async #go() {
    const [username, password] = [$('username').value, $('password').value];
    if (username === '') return this.#fault('Type your username.', 'username');
    if (password === '') return this.#fault('Type your password.', 'password');
    const short = new TextEncoder().encode(password).length < passwordBytesMin;
    if (this.#mode === 'register' && short) {
      return this.#fault('The password needs 8 characters or more.', 'password');
    }
    this.#fault('');
    $('login-go').disabled = true;
    try {
      await this.#session[this.#mode](username, password);
      this.#entered();
    } catch (error) {
      const isName = error instanceof HttpError && /registered|username:/i.test(error.detail);
      this.#fault(explain(error), isName ? 'username' : 'password');
    } finally {
      $('login-go').disabled = false;
    }
    return undefined;
  }

  #fault(text, at) {
    say($('login-error'), text);
    for (const id of ['username', 'password']) {
      if (id === at) $(id).setAttribute('aria-invalid', 'true');
      else $(id).removeAttribute('aria-invalid');
    }
    if (at) $(at).focus();
  }
}
