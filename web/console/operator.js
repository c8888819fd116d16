// The operator's page: looks at /status of the port it came from, once a second while it
// is seen, and at nothing else but the two gauges of memory in /metrics.

import { call } from './api.js';
import { Bars, Chart } from './chart.js';
import { $, el, mark, say } from './dom.js';
import { between, quantile, ratesOf, seconds, size } from './rates.js';
import { Table } from './table.js';
import { explain, span, whole } from './words.js';

const everyMs = 1000;
const memoryEvery = 5; // looks
const minute = 60; // looks: what the histograms are of
const fullShare = 0.9; // of a limit: worth a colour

const looks = []; // the last minute's
const memory = { used: 0, limit: 0 };
let bearer; // of --admin-token, if the port wants one

const charts = {
  in: new Chart('chart-in'), out: new Chart('chart-out'),
  streams: new Chart('chart-streams'), late: new Chart('chart-late'),
};
const bars = { first: new Bars('bars-first'), last: new Bars('bars-last'),
  turn: new Bars('bars-turn') };
const tables = {
  parked: new Table('parked', ['Account', 'Stream', 'Address', 'Dialect', '#Tokens', '#Parked for',
    'Opened'], 'No stream is slow.'),
  feeds: new Table('feeds', ['Endpoint', 'State', '#Ticks/s', '#Last tick', '#Bad', '#Connects'],
    'No feed is configured.'),
  loops: new Table('loops', ['Loop', '#Busy', '#Streams', '#Parked', '#Lag'], ''),
  busiest: new Table('busiest', ['Token', '#Ticks/s', '#Ticks', '#First write p99',
    '#Last write p99'], 'No token has ticked.'),
  kinds: new Table('kinds', ['', '#Streams'], ''),
};

/** A tile: name, value, what is below it, state. */
function tile(name, value, sub = '', state = '') {
  const id = `tile-${name.toLowerCase().replace(/ /g, '-')}`;
  const box = $(id) ?? $('tiles').appendChild(
    el('div', { id }, el('dt', {}, name), el('dd'), el('dd', { class: 'sub' })));
  say(box.children[1], value);
  say(box.children[2], sub);
  mark(box, 'state', state || undefined);
}

function tiles(s, r) {
  const { streams, process: p } = s;
  const feed = { live: ['Live', 'good'], stale: ['Stale', 'warn'], down: ['Down', 'bad'] }[s.feed];
  tile('Streams', whole(streams.open),
    `of ${whole(streams.max)}, ${whole(streams.refused)} refused`,
    streams.open > fullShare * streams.max ? 'warn' : '');
  tile('Coming and going', `${whole(r.opened)}/s`, `${whole(r.closed)}/s gone`);
  tile('Feed', feed[0], `${whole(s.ticks.tokens)} tokens`, feed[1]);
  tile('Ticks in', `${whole(r.ticksIn)}/s`, `${whole(s.ticks.ingress_gaps)} gaps of the feed, `
    + `${whole(s.ticks.unplaced)} unplaced`, s.ticks.unplaced ? 'warn' : '');
  tile('Bytes out', `${size(r.bytes)}/s`, `${whole(r.writes)} writes/s`);
  tile('Slow', whole(streams.parked), `parked, ${whole(streams.parks)} times so far`,
    streams.parked ? 'warn' : '');
  tile('Skipped', `${whole(r.slow)}/s`, `of slow ones; ${whole(r.heldBack)}/s by max_rate`,
    r.slow >= 1 ? 'warn' : '');
  tile('Ring lag', whole(s.rings.lag), `records, ${whole(s.rings.laps)} laps`,
    s.rings.laps ? 'warn' : '');
  const share = memory.limit ? memory.used / memory.limit : 0;
  tile('Memory', size(memory.used || p.resident_bytes), memory.limit
    ? `of ${size(memory.limit)}, ${size(p.resident_bytes)} resident` : `${size(p.heap_bytes)} heap`,
  share > fullShare ? 'bad' : '');
  tile('Processors', r.cpu.toFixed(2), `${whole(p.goroutines)} goroutines`);
  tile('Descriptors', whole(p.fds), `of ${whole(p.fds_max)}`,
    p.fds > fullShare * p.fds_max ? 'warn' : '');
  tile('Database', s.store.writable ? 'Writable' : 'Not writable', s.store.reason ?? '',
    s.store.writable ? 'good' : 'bad');
}

function lists(s, r) {
  tables.parked.show(s.parked.map((p) => [p.account, p.id, p.address, p.dialect, whole(p.tokens),
    span(p.for_s * 1000), p.opened]));
  tables.feeds.show(s.feeds.map((f) => [f.endpoint, f.connected ? 'connected' : 'down',
    whole(r.feeds.get(f.endpoint)), f.age_ms < 0 ? '–' : `${seconds(f.age_ms / 1000)} ago`,
    whole(f.bad), whole(f.connects)]));
  tables.loops.show(s.loops.map((l, i) => [i, `${(100 * r.busy[i]).toFixed(1)} %`,
    whole(l.streams), whole(l.parked), whole(l.lag)]));
  tables.busiest.show(s.busiest.map((b) => [b.token, b.per_s.toFixed(1), whole(b.ticks),
    micros(b.first_write_p99_us), micros(b.last_write_p99_us)]));
  tables.kinds.show([
    ...Object.entries(s.streams.dialects).map(([name, n]) => [name, whole(n)]),
    ...Object.entries(s.streams.closes).map(([code, n]) => [`ended with ${code}`, whole(n)]),
  ]);
}

function micros(us) {
  return us ? seconds(us / 1e6) : '–';
}

function show(s) {
  looks.push(s);
  if (looks.length > minute + 1) looks.shift();
  if (looks.length === 1) return;
  if (s.uptime_s < looks.at(-2).uptime_s) looks.splice(0, looks.length - 1); // another run
  const before = looks.at(-2) ?? s;
  const r = ratesOf(before, s);
  const ready = s.ready ? ['Serving', 'good'] : [`Not ready: ${s.unready}`, 'warn'];
  mark($('state'), 'state', ready[1]);
  say($('state').querySelector('b'), ready[0]);
  say($('up'), `up ${span(s.uptime_s * 1000)}`);
  tiles(s, r);
  const late = quantile(between(before.last_write, s.last_write), 0.99);
  charts.in.put(r.ticksIn, whole(r.ticksIn));
  charts.out.put(r.frames, whole(r.frames));
  charts.streams.put(s.streams.open, whole(s.streams.open));
  charts.late.put(late, seconds(late));
  bars.first.show(between(looks[0].first_write, s.first_write));
  bars.last.show(between(looks[0].last_write, s.last_write));
  bars.turn.show(between(looks[0].fanout, s.fanout));
  lists(s, r);
  $('page').hidden = false;
}

async function measureMemory() {
  const answer = await fetch('/metrics', { cache: 'no-store',
    headers: bearer ? { Authorization: `Bearer ${bearer}` } : {} });
  const text = await answer.text();
  for (const name of ['used', 'limit']) {
    const value = new RegExp(`^azira_memory_${name}_bytes (\\S+)$`, 'm').exec(text)?.[1];
    memory[name] = Number(value ?? 0);
  }
}

let count = 0;

async function look() {
  try {
    if (count++ % memoryEvery === 0) await measureMemory();
    show(await call('GET', '/status', { bearer }));
    trouble('');
  } catch (error) {
    if (error.status === 401) {
      ask();
      return;
    }
    trouble(`${explain(error)} What is below is ${looks.length ? 'old' : 'empty'}.`);
  }
  setTimeout(next, everyMs);
}

// A page that nobody sees does not ask.
function next() {
  if (document.visibilityState === 'visible') look();
  else document.addEventListener('visibilitychange', next, { once: true });
}

function trouble(text) {
  say($('trouble'), text);
  $('trouble').hidden = text === '';
  mark($('page'), 'old', text !== '');
  if (text === '') return;
  mark($('state'), 'state', 'bad');
  say($('state').querySelector('b'), 'No answer');
}

function ask() {
  trouble(bearer ? 'That is not the token.' : '');
  $('ask').hidden = false;
  $('token').value = '';
  $('token').focus();
}

$('ask').addEventListener('submit', (e) => {
  e.preventDefault();
  bearer = $('token').value.trim();
  $('ask').hidden = true;
  look();
});

look();
