// What changed between two looks at /status, per second. A server that was started in
// between, whose counters are smaller, shows zeros.

/** Numbers per second from look a to look b. */
export function ratesOf(a, b) {
  const seconds = Math.max(0.001, (b.time_us - a.time_us) / 1e6);
  const rate = (before, now) => Math.max(0, now - (before ?? 0)) / seconds;
  const feeds = new Map(a.feeds.map((f) => [f.endpoint, f.ticks]));
  return {
    seconds,
    ticksIn: rate(a.ticks.in, b.ticks.in),
    frames: rate(sum(a.out.frames), sum(b.out.frames)),
    bytes: rate(a.out.bytes, b.out.bytes),
    writes: rate(a.out.writes, b.out.writes),
    opened: rate(a.streams.opened, b.streams.opened),
    closed: rate(sum(a.streams.closes), sum(b.streams.closes)),
    slow: rate(a.ticks.skipped.slow, b.ticks.skipped.slow),
    heldBack: rate(a.ticks.skipped.max_rate, b.ticks.skipped.max_rate),
    cpu: rate(a.process.cpu_s, b.process.cpu_s),
    busy: b.loops.map((l, i) => Math.min(1, rate(a.loops[i]?.busy_s ?? l.busy_s, l.busy_s))),
    feeds: new Map(b.feeds.map((f) => [f.endpoint, rate(feeds.get(f.endpoint), f.ticks)])),
  };
}

export function sum(counts) {
  return Object.values(counts).reduce((n, k) => n + k, 0);
}

/** What a histogram has more than before: {bounds, counts, total}. */
export function between(a, b) {
  const counts = b.counts.map((n, i) => (a.counts[i] <= n ? n - a.counts[i] : n));
  return { bounds: b.bounds_s, counts, total: counts.reduce((n, k) => n + k, 0) };
}

/**
 * The upper bound (s) of the bucket in which a quantile lies; of the last bucket, its lower.
 * undefined if there is nothing in it.
 */
export function quantile({ bounds, counts, total }, q) {
  let left = q * total;
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i];
    if (counts[i] > 0 && left <= 0) return bounds[Math.min(i, bounds.length - 1)];
  }
  return undefined;
}

/** Seconds as people write them: 130 µs, 2.1 ms. */
export function seconds(s) {
  if (s === undefined) return '–';
  if (s < 0.001) return `${round(s * 1e6)} µs`;
  return s < 1 ? `${round(s * 1e3)} ms` : `${round(s)} s`;
}

function round(n) {
  return n < 10 ? Number(n.toFixed(1)) : Math.round(n);
}

/** 3670016 as 3.5 MiB. */
export function size(bytes) {
  let n = bytes;
  for (const unit of ['B', 'KiB', 'MiB']) {
    if (n < 1024) return `${round(n)} ${unit}`;
    n /= 1024;
  }
  return `${n.toFixed(1)} GiB`;
}
