import { HttpError } from './client/index.js';

const answerMs = 15_000;

/**
 * An Api makes the calls that Auth of the client does not. What the server refuses is an
 * HttpError, as there; what it does not answer is what fetch throws.
 */
export class Api {
  #bearer;
  #ended;

  /** bearer() gives one; ended() is called when the server takes it no more. */
  constructor(bearer, ended) {
    this.#bearer = bearer;
    this.#ended = ended;
  }

  get(path) {
    return this.#call('GET', path);
  }

  post(path, body, headers = {}) {
    return this.#call('POST', path, { body, headers });
  }

  delete(path) {
    return this.#call('DELETE', path);
  }

  async #call(method, path, { body, headers } = {}) {
    try {
      return await call(method, path, { bearer: await this.#bearer(), body, headers });
    } catch (error) {
      if (error instanceof HttpError && error.status === 401) this.#ended();
      throw error;
    }
  }
}

/** One call to the page's own server: its answer's JSON. */
export async function call(method, path, { bearer, body, headers } = {}) {
  const sent = { ...headers };
  if (bearer) sent.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  const answer = await fetch(path, {
    method,
    headers: sent,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: 'omit',
    redirect: 'error',
    cache: 'no-store',
    signal: AbortSignal.timeout(answerMs),
  });
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : {};
  const after = Number(answer.headers.get('Retry-After'));
  throw new HttpError(method, answer.status, detail(text) || answer.statusText || 'refused',
    after > 0 ? after * 1000 : 0);
}

// Errors are {"detail":…}, of a body's faults a list; of the admin port's health, text.
function detail(text) {
  try {
    const said = JSON.parse(text).detail;
    return typeof said === 'string' ? said : said.map((d) => d.msg).join('; ');
  } catch {
    return text.length < 200 ? text.trim() : '';
  }
}
