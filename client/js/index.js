/**
 * azira-client speaks to an Azira server from browsers and Node, over fetch and
 * WebSocket, and needs nothing else.
 *
 *   Auth ─ fetch ──────▶ /api/v1/users, /api/v1/token     register, login, refresh, ticket
 *   Stream ─ WebSocket ▶ /api/v1/stream                   subscribe, ticks, proof, resume
 *
 * README.md begins with an example.
 */
export { openStream, Stream } from './stream.js';
export { Auth, Keeper } from './auth.js';
export { Tick } from './tick.js';
export { Decimal } from './decimal.js';
export { parseRecord } from './decode.js';
export { Backoff, reconnects } from './backoff.js';
export { HttpError, RequestError, ConnectionError, EndedError, FormError } from './errors.js';
