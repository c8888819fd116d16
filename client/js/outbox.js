import { ConnectionError, RequestError } from './errors.js';

const tooMany = 111;
const retryMsMin = 50;

/**
 * An Outbox sends requests one after the other, each when the one before it is
 * answered: so the order they take effect in is the order they were made in, also
 * when the server asks for one to be sent again later.
 *
 * Requests of the user outlive a connection and are sent again on the next. The
 * client's own (resumes) go first and end with the connection they were made for.
 */
export class Outbox {
  #timers;
  #queue = []; // {request, resolve, reject}
  #connection;
  #busy = false;
  #end; // error of what is asked after the end

  constructor(timers) {
    this.#timers = timers;
  }

  /** Puts requests at the end. Each promise is of the answer with all its pieces. */
  ask(requests) {
    const items = requests.map((request) => this.#item(request));
    this.#queue.push(...items);
    this.#pump();
    return items.map((item) => item.answer);
  }

  /** Puts requests first. */
  askFirst(requests) {
    const items = requests.map((request) => this.#item(request));
    this.#queue.unshift(...items);
    this.#pump();
    return items.map((item) => item.answer);
  }

  use(connection) {
    this.#connection = connection;
    this.#pump();
  }

  drop(error) {
    this.#connection = undefined;
    for (const item of this.#queue.filter((i) => i.request.own)) {
      this.#remove(item);
      item.reject(error);
    }
  }

  end(error) {
    this.#connection = undefined;
    this.#end = error;
    for (const item of this.#queue) item.reject(error);
    this.#queue = [];
  }

  #item(request) {
    const item = { request };
    item.answer = new Promise((resolve, reject) => {
      item.resolve = resolve;
      item.reject = reject;
      if (this.#end) reject(this.#end);
    });
    item.answer.catch(() => {}); // who asked hears of it; nobody else has to
    return item;
  }

  async #pump() {
    if (this.#busy || this.#end) return;
    this.#busy = true;
    while (this.#connection && this.#queue.length > 0) {
      await this.#send(this.#connection, this.#queue[0]);
    }
    this.#busy = false;
  }

  async #send(connection, item) {
    if (!await connection.pace.take()) return;
    if (connection !== this.#connection) return;
    try {
      const answer = await connection.ask(item.request);
      this.#remove(item);
      item.resolve(answer);
    } catch (error) {
      await this.#failed(connection, item, error);
    }
  }

  async #failed(connection, item, error) {
    if (error instanceof ConnectionError) {
      if (connection === this.#connection) this.drop(error);
    } else if (error instanceof RequestError && error.code === tooMany) {
      await this.#timers.sleep(Math.max(error.retryMs ?? 0, retryMsMin));
    } else {
      this.#remove(item);
      item.reject(error);
    }
  }

  #remove(item) {
    const i = this.#queue.indexOf(item);
    if (i >= 0) this.#queue.splice(i, 1);
  }
}
