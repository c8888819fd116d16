// Visits the real server from a page of another origin, as ?server=… says, and
// reports to the fake server that sent the page.

import { Auth, openStream } from '../index.js';
import { pause, until } from './check.js';

const query = new URLSearchParams(location.search);
const server = query.get('server');

async function visit(dialect, keeper) {
  const s = await openStream({ server, dialect, credential: keeper.credential, hbMs: 500 });
  const { ok } = await s.subscribe(query.getAll('token'));
  const prices = new Set();
  s.on('tick', (t) => prices.add(String(t.ltp)));
  await pause(1200);
  await until(() => s.complete() === true, 'complete');
  const report = s.proof();
  s.close();
  return { dialect, held: ok.length, prices: [...prices], report };
}

const answer = {};
try {
  const auth = new Auth(server);
  await auth.register('page', 'long enough');
  const keeper = auth.keep(await auth.login('page', 'long enough'));
  answer.visits = [await visit('azira.v1.json', keeper), await visit('azira.v1.bin', keeper)];
  answer.wrong = await auth.login('page', 'not this one').catch((e) => e.status);
} catch (error) {
  answer.error = error.stack ?? String(error);
}
await fetch('/report', { method: 'POST', body: JSON.stringify(answer) });
