// The requests of the wire, cut to sizes that the server takes. Each is the
// object to be sent, without its id; `own` (not sent) marks those that the client
// makes by itself.

import { frameBytes, subscribeBytes } from './limits.js';

const idBytesMax = 48; // ,"id":"r…" of what Connection numbers
const utf8 = new TextEncoder();

/** Subscribes anew, as many requests as are needed. */
export function subscribes(tokens, options, limits) {
  const base = { op: 'subscribe', ...options, tokens: [] };
  const most = limits?.subscribe_bytes ?? subscribeBytes;
  return cut(tokens, base, most, bytesOf).map((part) => ({ ...base, tokens: part }));
}

export function unsubscribes(tokens, limits) {
  const base = { op: 'unsubscribe', tokens: [] };
  const most = limits?.frame_bytes ?? frameBytes;
  return cut(tokens, base, most, bytesOf).map((part) => ({ ...base, tokens: part }));
}

/**
 * Resumes entries where they were, or subscribes anew those that have no such
 * place. One request has one set of options and one epoch. Who awaits a snap is
 * then subscribed again: a resume brings one only where the epoch has changed.
 */
export function resumes(entries, { epoch, limits }) {
  const waiting = entries.filter((e) => e.awaitsSnap && e.resumeAt?.epoch === epoch);
  return [
    ...groups(entries, (e) => [e.options, e.resumeAt?.epoch])
      .flatMap((group) => resumeGroup(group, limits)),
    ...groups(waiting, (e) => e.options)
      .flatMap((group) => anew(group, limits)),
  ];
}

/** The roster anew, on a connection that has none yet. */
export function rostered() {
  return ours({ op: 'roster', on: true });
}

function groups(entries, keyOf) {
  const all = new Map();
  for (const e of entries) {
    const key = JSON.stringify(keyOf(e));
    if (!all.has(key)) all.set(key, []);
    all.get(key).push(e);
  }
  return [...all.values()];
}

// Who begins anew gets a snap, or would not know where it is.
function anew(group, limits) {
  const options = { ...group[0].options, snapshot: true };
  return subscribes(group.map((e) => e.token), options, limits).map(ours);
}

function resumeGroup(group, limits) {
  const { options, resumeAt } = group[0];
  if (!resumeAt) return anew(group, limits);
  const base = { op: 'subscribe', ...options, epoch: resumeAt.epoch, from: {} };
  const most = limits?.subscribe_bytes ?? subscribeBytes;
  const size = (e) => bytesOf(e.token) + 1 + bytesOf(e.resumeAt.seq);
  return cut(group, base, most, size).map((part) => {
    const from = Object.create(null);
    for (const e of part) from[e.token] = e.resumeAt.seq;
    return ours({ ...base, from });
  });
}

function ours(request) {
  return Object.defineProperty(request, 'own', { value: true });
}

// Cuts items into parts whose request, base and a comma each included, has at
// most `most` bytes.
function cut(items, base, most, sizeOf) {
  const room = most - idBytesMax - bytesOf(base);
  const parts = [];
  let left = -1;
  for (const item of items) {
    const size = sizeOf(item) + 1;
    if (size > left) {
      parts.push([]);
      left = room;
    }
    parts.at(-1).push(item);
    left -= size;
  }
  return parts;
}

function bytesOf(value) {
  return utf8.encode(JSON.stringify(value)).length;
}
