/** n · 10^exp, exact. */
export class Decimal {
  constructor(n: bigint, exp: number);
  /** Throws FormError if text is no JSON number or decimal. */
  static parse(text: string): Decimal;
  readonly n: bigint;
  readonly exp: number;
  /** Plain digits, exact: "123.40". */
  toString(): string;
  toJSON(): string;
  /** The nearest double. */
  toNumber(): number;
  valueOf(): number;
  compare(other: Decimal): number;
  equals(other: Decimal): boolean;
}

export interface Tick {
  readonly type: 'tick' | 'snap';
  readonly token: string;
  readonly seq: number;
  /** Time of arrival at the server, Unix µs. */
  readonly ts: number;
  /** Exact; null where the tick has no number there. */
  readonly ltp: Decimal | null;
  readonly bid: Decimal | null;
  readonly ask: Decimal | null;
  /** The publisher's object: JSON frames in mode full. */
  readonly data: any;
  /** The publisher's JSON, as it was sent. */
  readonly text: string | undefined;
  /** The text of the frame; undefined if it was binary. */
  readonly raw: string | undefined;
  /** The fields of the frame. */
  readonly frame: any;
}

export type Dialect = 'azira.v1.json' | 'azira.v1.bin';
export type FeedState = 'live' | 'stale' | 'down';

export interface StreamOptions {
  /** http://127.0.0.1:8000; in a browser the page's own server by default. */
  server?: string;
  /** Asked before every connect. What it throws is tried again, unless it has final: true. */
  credential: () => Promise<{ ticket: string }>;
  /** azira.v1.json */
  dialect?: Dialect;
  /** Takes the path of that user, /api/trigger/ws/{username}. */
  username?: string;
  /** 500 … 30000: time between heartbeats (the server's default: 5000). */
  hbMs?: number;
  /** false: the stream ends with its first connection. */
  reconnect?: boolean;
  /** Bounds of the pause before a reconnect: 250 and 15000. */
  backoff?: { min?: number; max?: number; random?: () => number };
  /** A constructor, where there is no global one. */
  WebSocket?: any;
  /** Told of what listeners throw; console.error by default. */
  onError?: (error: unknown, event: string) => void;
  /** For tests. */
  clock?: {
    now(): number;
    setTimeout(f: () => void, ms: number): unknown;
    clearTimeout(timer: any): void;
  };
}

export interface SubscribeOptions {
  /** full */
  mode?: 'full' | 'ltp';
  /** Ticks per token and second, 0.1 … 1000; null: all. */
  maxRate?: number | null;
  /** Begin with the last tick: true. */
  snapshot?: boolean;
}

export interface Ack {
  ok: { token: string; ref: number; seq: number }[];
  failed: { token: string; code: number; error: string }[];
  /** Tokens held afterwards. */
  count: number;
  limit: number;
}

/** published = received + skipped + gapped + lost, since the subscribe. */
export interface Counts {
  published: number;
  received: number;
  /** Conflated by the server, which said so. */
  skipped: number;
  /** Not to be had any more, as the server said. */
  gapped: number;
  /** Neither came nor was told of, and could not be had again. */
  lost: number;
  /** Came twice; given to you once. */
  doubled: number;
}

export interface Report extends Counts {
  complete: boolean | undefined;
  epoch: number;
  /** The last hb that agreed with the account. */
  hb: { ts: number; sum: number; pending: number } | null;
  tokens: number;
  /** Tokens with something missing now, or lost before. */
  holes: { token: string; last: number; lost: number; cause: string }[];
  /** Frames for tokens not held. */
  strays: number;
  /** Frames that made no sense. */
  unreadable: number;
}

export interface Account extends Counts {
  token: string;
  ref: number;
  epoch: number;
  last: number;
  mode: 'full' | 'ltp';
  maxRate: number | null;
}

export interface Ended {
  code: number;
  reason: string;
  error: unknown;
}

export interface Message {
  /** Grows from message to message. */
  id: number;
  from: string;
  /** Unix µs. */
  ts: number;
  kind: string;
  content: string;
  encoding?: 'base64';
  reply_to?: number;
  group?: string;
  redelivered?: boolean;
}

export interface Presence {
  client: string;
  online: boolean;
  connections: number;
  /** Unix µs. */
  since: number | null;
  last_seen: number | null;
}

export interface StreamEvents {
  tick: Tick;
  /** The last tick at the time of a subscribe, or after a gap: local state begins anew. */
  snap: Tick;
  /** count ticks before seq were conflated. */
  skip: { token: string; count: number; seq: number };
  /** from … to can't be had any more. reason feed: the feed's own numbers. */
  gap: { token: string; from: number; to: number; reason: 'ring' | 'epoch' | 'feed' };
  hb: { ts: number; sum: number; pending: number; feed: FeedState; age_ms: number | null };
  /** feed is undefined when the connection was lost. */
  feed: { feed: FeedState | undefined; before: FeedState | undefined; age_ms: number | null };
  drain: { reconnect_after_ms: number; deadline_ms: number };
  /** In order; again (redelivered) on the next connection, until it is acknowledged. */
  message: Message;
  /** So many messages that nobody had acknowledged went for want of room. */
  missed: { dropped: number };
  /** A piece of the answer to roster(): who is online. */
  roster: { clients: Presence[]; more?: boolean; total?: number };
  /** A change since. left: the client is none of the account's any more. */
  presence: { client: string; online: boolean; ts?: number; left?: boolean };
  error: any;
  /** A connection is there and what was held is resumed on it. */
  connected: { welcome: any; connects: number; newEpoch: boolean };
  /** A connection or an attempt has failed; the next attempt is made in pauseMs. */
  lost: { code?: number; reason: string; error: unknown; pauseMs: number };
  /** A tick is missing (cause tick, snap, skip, gap, ack) or a sum disagrees (sum); it is being healed. */
  incomplete: { cause: string; token?: string; from?: number; to?: number; difference?: number };
  /** An hb proved that nothing is missing, and none had before. */
  complete: Report;
  /** Tokens that were held and can't be resumed. */
  refused: { failed: Ack['failed'] };
  end: Ended;
}

export interface Ticks extends AsyncIterableIterator<Tick> {
  /** Dropped for a newer tick of the same token, because you were slow. */
  readonly conflated: number;
  /** How many wait. */
  readonly size: number;
}

export class Stream {
  readonly ended: Ended | null;
  readonly welcome: any;
  readonly connected: boolean;
  readonly connects: number;
  readonly feed: FeedState | undefined;
  readonly tokens: string[];
  on<K extends keyof StreamEvents>(name: K, f: (event: StreamEvents[K]) => unknown): () => void;
  off<K extends keyof StreamEvents>(name: K, f: (event: StreamEvents[K]) => unknown): void;
  subscribe(tokens: string | Iterable<string>, options?: SubscribeOptions): Promise<Ack>;
  unsubscribe(tokens: '*' | string | Iterable<string>): Promise<Ack>;
  list(): Promise<{ token: string; ref: number; seq: number; mode: string; max_rate?: number }[]>;
  ping(): Promise<{ ts: number; rttMs: number }>;
  auth(bearer: string): Promise<{ expiresIn?: number }>;
  /** This message and all before it, for all streams of the account. */
  ack(message: number): Promise<void>;
  roster(on?: boolean): Promise<void>;
  ticks(options?: { buffer?: number; snaps?: boolean }): Ticks;
  complete(): boolean | undefined;
  proof(): Report;
  account(token: string): Account | undefined;
  close(): void;
}

export function openStream(options: StreamOptions): Promise<Stream>;

export interface Credential {
  bearer: string;
  refreshToken?: string;
  /** Unix ms. */
  expiresAt: number;
}

export class Auth {
  constructor(server?: string, options?: { fetch?: typeof fetch });
  register(username: string, password: string): Promise<void>;
  login(username: string, password: string): Promise<Credential>;
  refresh(refreshToken: string): Promise<Credential>;
  logout(bearer: string): Promise<void>;
  ticket(bearer: string): Promise<string>;
  tokens(bearer: string): Promise<string[]>;
  keep(credential: Credential): Keeper;
}

export class Keeper {
  bearer(): Promise<string>;
  /** The credential option of openStream. */
  credential: () => Promise<{ ticket: string }>;
  logout(): Promise<void>;
}

export function parseRecord(bytes: Uint8Array, epoch: number): {
  type: 'tick' | 'snap'; ref: number; seq: number; ts: number;
  ltp: Decimal; bid: Decimal | null; ask: Decimal | null;
};

export class Backoff {
  constructor(options?: { min?: number; max?: number; random?: () => number });
  next(askedMs?: number): number;
  reset(): void;
}

export function reconnects(code: number): boolean;

export class HttpError extends Error {
  op: string;
  status: number;
  detail: string;
  retryAfterMs: number;
}

export class RequestError extends Error {
  op: string;
  code: number;
  detail: string;
  retryMs?: number;
}

export class ConnectionError extends Error {
  code: number;
  reason: string;
}

export class EndedError extends Error {}
export class FormError extends Error {}
