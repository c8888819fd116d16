import { Auth } from './client/index.js';

const key = 'azira.session';
const noticeKey = 'azira.notice';
const claimMs = 120; // for another window to say that the session is its own

/**
 * A Session is who is logged in. The bearer is in memory only. What survives a reload is
 * the refresh token, in this window's sessionStorage; since it works once, each new one
 * takes the place of the one before.
 *
 * A window that was duplicated has a copy of it. Used by both it would end the session
 * (the server takes that for theft), so that a window first asks the others whether it
 * is theirs.
 */
export class Session {
  username = '';

  #auth = new KeepingAuth();
  #keeper;
  #claims = new BroadcastChannel(key);

  async login(username, password) {
    this.#begin(username, await this.#auth.login(username, password));
  }

  async register(username, password) {
    await this.#auth.register(username, password);
    await this.login(username, password);
  }

  /** Goes on with what a reload left; false if that is nothing. */
  async restore() {
    const kept = read();
    if (!kept) return false;
    if (await this.#isTaken(kept.window)) {
      sessionStorage.removeItem(key);
      return false;
    }
    try {
      this.#begin(kept.username, await this.#auth.refresh(kept.refreshToken));
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

  #begin(username, credential) {
    this.username = username;
    this.#keeper = this.#auth.keep(credential);
    const id = random();
    this.#auth.kept = (refreshToken) => {
      const text = JSON.stringify({ username: this.username, refreshToken, window: id });
      sessionStorage.setItem(key, text);
    };
    this.#auth.kept(credential.refreshToken);
    this.#claims.onmessage = ({ data }) => {
      if (data.asks === id) this.#claims.postMessage({ taken: id });
    };
  }

  #isTaken(id) {
    return new Promise((resolve) => {
      this.#claims.onmessage = ({ data }) => data.taken === id && resolve(true);
      this.#claims.postMessage({ asks: id });
      setTimeout(() => resolve(false), claimMs);
    });
  }
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
