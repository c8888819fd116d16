// What a stream has to do about people: messages to its account, and who is online.

import { equal, failure, record, until } from './check.js';

const quick = { min: 5, max: 20 }; // back-off, ms
const asked = (log, op) => log.ops.filter((o) => o.op === op);

export const people = {
  async 'messages come in order and are acknowledged'({ open, control }) {
    const s = await open();
    const seen = record(s);
    await control({ do: 'send', event: { type: 'gap', dropped: 3 } });
    for (const id of [1764300000000001, 1764300000000002]) {
      await control({ do: 'send', event: { type: 'msg', id, from: 'bob', ts: id, kind: 'text',
        content: 'hi' } });
    }
    await until(() => seen.all('message').length === 2, 'messages');
    equal(seen.all('missed').map((e) => e.dropped), [3], 'missed');
    equal([seen.all('gap').length, s.proof().strays], [0, 0], 'no matter of the ticks');
    await s.ack(1764300000000002);
    const [{ message }] = asked(await control({ do: 'log' }), 'ack');
    equal(message, 1764300000000002, 'acknowledged');
    equal((await failure(s.ack('2'))).name, 'TypeError', 'no id');
  },

  async 'the roster is asked for on each connection'({ open, control }) {
    const s = await open({ backoff: quick });
    const seen = record(s);
    await s.roster();
    const clients = [{ client: 'u', online: true, connections: 1, since: 1, last_seen: 1 }];
    await control({ do: 'send', event: { type: 'roster', clients, total: 1 } });
    await control({ do: 'send', event: { type: 'presence', client: 'v', online: true, ts: 2 } });
    await until(() => seen.all('presence').length === 1, 'presence');
    equal(seen.all('roster').map((e) => e.clients), [clients], 'roster');
    await control({ do: 'cut' });
    await until(() => s.connects === 2 && s.connected, 'connected again');
    equal(asked(await control({ do: 'log' }), 'roster').map((o) => o.on), [true, true], 'asked');
    await s.roster(false);
    await control({ do: 'cut' });
    await until(() => s.connects === 3 && s.connected, 'connected once more');
    equal(asked(await control({ do: 'log' }), 'roster').map((o) => o.on), [true, true, false],
      'no more');
  },
};
