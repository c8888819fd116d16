// Assertions for Node and browsers alike.

export function equal(got, want, what = '') {
  const [a, b] = [got, want].map((v) => JSON.stringify(v, jsonable));
  if (a !== b) throw new Error(`${what} is ${a}, want ${b}`);
}

export function ok(is, what) {
  if (!is) throw new Error(`not so: ${what}`);
}

function jsonable(_, v) {
  if (v === undefined) return 'undefined';
  return typeof v === 'bigint' ? `${v}n` : v;
}

/** Waits until is() holds, for 10 s. */
export async function until(is, what) {
  for (const end = Date.now() + 10_000; !is(); await pause(5)) {
    if (Date.now() > end) throw new Error(`did not happen: ${what}`);
  }
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The error that a promise is rejected with. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** Listens to a stream and writes down what happens. */
export function record(stream) {
  const seen = { ticks: {}, snaps: {}, events: [] };
  const note = (into) => (t) => {
    (into[t.token] ??= []).push(t.seq);
  };
  stream.on('tick', note(seen.ticks));
  stream.on('snap', note(seen.snaps));
  for (const name of ['skip', 'gap', 'feed', 'drain', 'message', 'connected', 'lost', 'incomplete',
    'complete', 'refused', 'error', 'end', 'missed', 'roster', 'presence']) {
    stream.on(name, (event) => seen.events.push({ name, event }));
  }
  seen.all = (name) => seen.events.filter((e) => e.name === name).map((e) => e.event);
  return seen;
}
