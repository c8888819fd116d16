// Runs scenarios against a fake server, with the same modules in Node and browsers.

import { Auth, openStream } from '../index.js';

/** Gives {name, run} of each scenario in each dialect. */
export function cases(scenarios, WebSocket) {
  return ['azira.v1.json', 'azira.v1.bin'].flatMap((dialect) => (
    Object.entries(scenarios).map(([name, scenario]) => ({
      name: `${dialect.slice(9)}: ${name}`,
      run: (server) => runOne(scenario, { server, dialect, WebSocket }),
    }))
  ));
}

async function runOne(scenario, { server, dialect, WebSocket }) {
  const control = async (command) => {
    const answer = await fetch(`${server}/control`, {
      method: 'POST', body: JSON.stringify(command) });
    return answer.json();
  };
  await control({ do: 'reset' });
  const auth = new Auth(server);
  await auth.register('ann', 'long enough');
  const keeper = auth.keep(await auth.login('ann', 'long enough'));
  const streams = [];
  const open = async (options) => {
    const s = await openStream({ server, dialect, WebSocket, credential: keeper.credential,
      ...options });
    streams.push(s);
    return s;
  };
  try {
    await scenario({ open, control, dialect, server, keeper });
  } finally {
    for (const s of streams) s.close();
  }
}
