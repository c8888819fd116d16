// What can go wrong, by who says so.
//
//   HttpError      the server, over HTTP            status, detail, retryAfterMs
//   RequestError   the server, about one request    code (100 … 111), op
//   ConnectionError   a connection or an attempt    code (WebSocket), reason
//   EndedError     the stream has ended, with what ended it as its cause

/** A call over HTTP that the server refused. It holds nothing of what was sent. */
export class HttpError extends Error {
  constructor(op, status, detail, retryAfterMs = 0) {
    super(`${op}: ${detail} (${status})`);
    this.name = 'HttpError';
    this.op = op;
    this.status = status;
    this.detail = detail;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A request that the server refused whole; nothing of it was done. */
export class RequestError extends Error {
  constructor(op, code, detail, retryMs) {
    super(`${op}: ${detail} (${code})`);
    this.name = 'RequestError';
    this.op = op;
    this.code = code;
    this.detail = detail;
    this.retryMs = retryMs;
  }
}

/** The end of one connection, or of the attempt to make it. */
export class ConnectionError extends Error {
  constructor(code, reason) {
    super(reason ? `connection lost: ${reason} (${code})` : `connection lost (${code})`);
    this.name = 'ConnectionError';
    this.code = code;
    this.reason = reason;
  }
}

/** What is asked of a stream that has ended. `cause` says why it did. */
export class EndedError extends Error {
  constructor(reason, cause) {
    super(`stream has ended: ${reason}`, { cause });
    this.name = 'EndedError';
  }
}

/** A record or frame that is not what the wire says. */
export class FormError extends Error {
  constructor(detail) {
    super(detail);
    this.name = 'FormError';
  }
}
