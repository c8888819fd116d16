import { HttpError } from './errors.js';
import { httpMs, renewMs } from './limits.js';

/**
 * An Auth asks a server for accounts and credentials. It keeps none. What the
 * server refuses is an HttpError; none contains a password or credential.
 */
export class Auth {
  #server;
  #fetch;

  /** server is like http://127.0.0.1:8000; in a browser the page's own by default. */
  constructor(server = globalThis.location?.origin, { fetch = globalThis.fetch } = {}) {
    this.#server = new URL(server).origin;
    this.#fetch = (...args) => fetch(...args);
  }

  /** Makes an account. */
  async register(username, password) {
    await this.#call('register', '/api/v1/users/register', { body: { username, password } });
  }

  /** By the password grant (RFC 6749 §4.3): {bearer, refreshToken, expiresAt}. */
  async login(username, password) {
    const body = { grant_type: 'password', username, password };
    return credential(await this.#call('login', '/api/v1/token', { body }));
  }

  /** Trades a refresh token, which works once, for a new credential. */
  async refresh(refreshToken) {
    const body = { refresh_token: refreshToken };
    return credential(await this.#call('refresh', '/api/v1/users/refresh', { body }));
  }

  /** Ends the bearer's session: bearer, refresh token and open streams. */
  async logout(bearer) {
    await this.#call('logout', '/api/v1/users/logout', { bearer });
  }

  /** A credential for one opening of a stream, within a minute. */
  async ticket(bearer) {
    const { ticket } = await this.#call('ticket', '/api/v1/stream/ticket', { bearer });
    return ticket;
  }

  /** Tokens that the server knows. */
  async tokens(bearer) {
    const answer = await this.#call('list tokens', '/api/v1/tokens', { bearer, method: 'GET' });
    return answer.tokens;
  }

  /** Takes a credential of login over: its refresh token must not be used elsewhere. */
  keep(cred) {
    return new Keeper(this, cred);
  }

  async #call(op, path, { method = 'POST', bearer, body }) {
    const headers = {};
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (body) headers['Content-Type'] = 'application/json';
    const answer = await this.#fetch(this.#server + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: 'omit',
      redirect: 'error', // credentials go nowhere but to the server named
      signal: AbortSignal.timeout(httpMs),
    });
    const text = await answer.text();
    if (!answer.ok) throw refusal(op, answer, text);
    return text ? JSON.parse(text) : {};
  }
}

/**
 * A Keeper holds a credential and renews it a minute before its bearer ends, when
 * it is asked for.
 */
export class Keeper {
  #auth;
  #cred;
  #renewing; // one refresh at a time: a refresh token works once

  constructor(auth, cred) {
    this.#auth = auth;
    this.#cred = cred;
  }

  /** A bearer with time left. */
  async bearer() {
    const { bearer, refreshToken, expiresAt } = this.#cred;
    if (!refreshToken || expiresAt - Date.now() > renewMs) return bearer;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** The credential option of openStream: a fresh ticket for every connect. */
  credential = async () => ({ ticket: await this.#auth.ticket(await this.bearer()) });

  /** Ends the session of the credential held. */
  async logout() {
    await this.#auth.logout(this.#cred.bearer);
  }

  async #renew() {
    try {
      this.#cred = await this.#auth.refresh(this.#cred.refreshToken);
    } catch (error) {
      const stillHolds = this.#cred.expiresAt > Date.now();
      if (error instanceof HttpError || !stillHolds) throw error;
    }
    return this.#cred.bearer;
  }
}

function credential({ access_token, refresh_token, expires_in }) {
  const expiresAt = expires_in > 0 ? Date.now() + expires_in * 1000 : Infinity;
  return { bearer: access_token, refreshToken: refresh_token, expiresAt };
}

function refusal(op, answer, text) {
  let detail = answer.statusText;
  try {
    const said = JSON.parse(text).detail;
    detail = typeof said === 'string' ? said : said.map((d) => d.msg).join('; ');
  } catch {
    // No words of the server: the status has to do.
  }
  const after = Number(answer.headers.get('Retry-After'));
  return new HttpError(op, answer.status, detail, after > 0 ? after * 1000 : 0);
}
