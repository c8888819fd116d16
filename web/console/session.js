import { Auth } from './client/index.js';

const key = 'azira.session';
const noticeKey = 'azira.notice';
const claimMs = 1000; // for the document before a reload to let go of the session
const answerMs = 250; // for another window to say that the session is its own

/**
 * A Session is who is logged in. The bearer is in memory only. What survives a reload is
 * the refresh token, in this window's sessionStorage; since it works once, each new one
 * takes the place of the one before.
 *
 * A window that was duplicated has a copy of it. Used by both it would end the session
 * (the server takes that for theft), so that a document uses it only once it holds the
 * session's lock, which also one that is busy or asleep keeps. Where there are no locks,
 * which is over http to another machine, it asks the others and waits for an answer.
 */
export class Session {
  username = '';

  #auth = new KeepingAuth();
  #keeper;
  #claims = new BroadcastChannel(key);

  async login(username, password) {
    const credential = await this.#auth.login(username, password);
    const id = random();
    this.#claim(id); // new, so nobody else's: nothing to wait for
    this.#begin(username, credential, id);
  }

  async register(username, password) {
    await this.#auth.register(username, password);
    await this.login(username, password);
  }

  /** Goes on with what a reload left; false if that is nothing. */
  async restore() {
    const kept = read();
    if (!kept) return false;
    if (!await this.#claim(kept.window)) {
      sessionStorage.removeItem(key);
      return false;
    }
    try {
      this.#begin(kept.username, await this.#auth.refresh(kept.refreshToken), kept.window);
      return true;
    } catch (error) {
      if (error.name === 'HttpError' && error.status < 500 && error.status !== 429) {
        sessionStorage.removeItem(key);
        return false;
      }
      throw error; // it may be there later
    }
  }

  /** A bearer with time left. */
  bearer = () => this.#keeper.bearer();

  /** For openStream. */
  credential = () => this.#keeper.credential();

  /** Ends the session at the server, and here in any case. */
  async logout() {
    try {
      await this.#keeper.logout();
    } finally {
      leave('');
    }
  }

  #begin(username, credential, id) {
    this.username = username;
    this.#keeper = this.#auth.keep(credential);
    this.#auth.kept = (refreshToken) => {
      const text = JSON.stringify({ username: this.username, refreshToken, window: id });
      sessionStorage.setItem(key, text);
    };
    this.#auth.kept(credential.refreshToken);
    this.#claims.onmessage = ({ data }) => {
      if (data.asks === id) this.#claims.postMessage({ taken: id });
    };
  }

  // Makes a session this document's, unless it is another's.
  #claim(id) {
    if (navigator.locks) return hold(`${key}.${id}`);
    return new Promise((resolve) => {
      this.#claims.onmessage = ({ data }) => data.taken === id && resolve(false);
      this.#claims.postMessage({ asks: id });
      setTimeout(() => resolve(true), answerMs);
    });
  }
}

// Holds a lock for as long as the document is there; false if another keeps it.
function hold(name) {
  return new Promise((resolve) => {
    const held = () => {
      resolve(true);
      return new Promise(() => {});
    };
    navigator.locks.request(name, { signal: AbortSignal.timeout(claimMs) }, held)
      .catch(() => resolve(false));
  });
}

// An Auth that tells of each refresh token that the Keeper gets.
class KeepingAuth extends Auth {
  kept = () => {};

  async refresh(refreshToken) {
    const credential = await super.refresh(refreshToken);
    this.kept(credential.refreshToken);
    return credential;
  }
}

/**
 * Forgets everything and shows the door, with a notice. The page is loaded anew, so that
 * nothing of the session stays in memory.
 */
export function leave(notice) {
  sessionStorage.removeItem(key);
  sessionStorage.setItem(noticeKey, notice);
  location.reload();
}

/** What leave had to say, once. */
export function noticed() {
  const text = sessionStorage.getItem(noticeKey) ?? '';
  sessionStorage.removeItem(noticeKey);
  return text;
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

/** 32 random hex digits, also where there is no secure context. */
export function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}
