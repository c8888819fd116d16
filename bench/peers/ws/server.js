// The ws peer: ticks of a ZeroMQ PUB to WebSocket clients, by the npm package ws.
//
//   node --expose-gc server.js HOST PORT FEED_HOST FEED_PORT
//
// One process, one thread, as Node is. The subscriber below speaks just enough
// ZMTP 3.0 (NULL, SUB) to read ticks without a native module, copying nothing.
import net from 'node:net';
import { WebSocketServer } from 'ws';

const [host, port, feedHost, feedPort] = process.argv.slice(2);

// A client with more than this unsent loses ticks, counted. It is several times
// what one read of the feed can bring, since all of that is unsent for a moment.
const unsentBytesMax = 512 << 10;
const retryMs = 100;

const clientsOf = new Map(); // by token: a Set of sockets
const tally = { ticks: 0, delivered: 0, dropped: 0 };

const server = new WebSocketServer({
  host,
  port: Number(port),
  perMessageDeflate: false, // as all here; the package's advice for speed
  clientTracking: false, // its set of clients is of no use here
  skipUTF8Validation: false,
  maxPayload: 128 << 10,
});

server.on('listening', () => {
  const a = server.address();
  process.stdout.write(`ready ${a.address}:${a.port} text\n`);
});

server.on('error', (err) => {
  process.stderr.write(`peers: ws: ${err.message}\n`);
  process.exit(1);
});

// ws sets TCP_NODELAY on every socket by itself.
server.on('connection', (socket) => {
  const held = new Set();
  socket.on('message', (data) => socket.send(answer(socket, held, data.toString())));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const token of held) {
      clientsOf.get(token).delete(socket);
    }
  });
});

function answer(socket, held, text) {
  const [action, list] = text.split('|');
  if (list === undefined) {
    return 'Error: expected subscribe|TOKEN,TOKEN or unsubscribe|TOKEN,TOKEN';
  }
  const tokens = list.split(',').map((name) => name.trim());
  if (action === 'subscribe') {
    for (const token of tokens) {
      if (!clientsOf.has(token)) {
        clientsOf.set(token, new Set());
      }
      clientsOf.get(token).add(socket);
      held.add(token);
    }
    return `Subscribed to tokens: ${tokens.join(', ')}`;
  }
  if (action === 'unsubscribe') {
    for (const token of tokens) {
      clientsOf.get(token)?.delete(socket);
      held.delete(token);
    }
    return `Unsubscribed from tokens: ${tokens.join(', ')}`;
  }
  return `Unknown action: ${action}`;
}

// What is due to a socket in one burst of the feed leaves in one writev: sockets
// are corked at their first tick of a burst. The package does so for each message
// by itself; Node's streams count corks, so that this one holds.
const corked = new Set();
const asText = { binary: false };

function fanOut(token, json) {
  tally.ticks++;
  const clients = clientsOf.get(token);
  if (clients === undefined) {
    return;
  }
  for (const socket of clients) {
    if (socket.bufferedAmount > unsentBytesMax) {
      tally.dropped++;
      continue;
    }
    if (!corked.has(socket)) {
      corked.add(socket);
      socket._socket?.cork();
    }
    socket.send(json, asText); // a Buffer: not encoded anew for each client
    tally.delivered++;
  }
}

function flush() {
  for (const socket of corked) {
    socket._socket?.uncork();
  }
  corked.clear();
}

const separator = Buffer.from(' & ');

function tick(body) {
  const at = body.indexOf(separator);
  if (at > 0) {
    fanOut(body.toString('utf8', 0, at), body.subarray(at + separator.length));
  }
}

// ZMTP 3.0: a greeting of 64 bytes each way, READY each way, then frames.
const greeting = Buffer.alloc(64);
greeting[0] = 0xff;
greeting[9] = 0x7f;
greeting[10] = 3;
greeting.write('NULL', 12, 'latin1');
const readyBody = Buffer.from('\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB', 'latin1');
const hello = Buffer.concat([
  greeting,
  Buffer.from([0x04, readyBody.length]),
  readyBody,
  Buffer.from([0x00, 1, 1]), // subscribe to all
]);

function connectFeed() {
  const conn = net.connect({ host: feedHost, port: Number(feedPort), noDelay: true });
  let pending = Buffer.alloc(0);
  let greeted = false;
  conn.on('connect', () => conn.write(hello));
  conn.on('data', (chunk) => {
    let p = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    if (!greeted) {
      if (p.length < greeting.length) {
        pending = p;
        return;
      }
      greeted = true;
      p = p.subarray(greeting.length);
    }
    pending = readFrames(p);
    flush();
  });
  conn.on('error', () => {});
  conn.on('close', () => setTimeout(connectFeed, retryMs));
}

// readFrames hands over every whole frame of p and returns what is left.
function readFrames(p) {
  for (;;) {
    if (p.length < 2) {
      return p;
    }
    const long = (p[0] & 2) !== 0;
    const head = long ? 9 : 2;
    if (p.length < head) {
      return p;
    }
    const size = long ? Number(p.readBigUInt64BE(1)) : p[1];
    if (p.length < head + size) {
      return p;
    }
    if ((p[0] & 5) === 0) {
      tick(p.subarray(head, head + size)); // neither a command nor a part
    }
    p = p.subarray(head + size);
  }
}

function stop() {
  process.stderr.write(
    `peers: ws: ticks=${tally.ticks} delivered=${tally.delivered} dropped=${tally.dropped}\n`);
  process.exit(0);
}

// Whoever weighs this process has it collect first. (With no listener, SIGUSR1 would
// start the debugger.)
process.on('SIGUSR1', () => {
  globalThis.gc?.();
  globalThis.gc?.();
});

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
connectFeed();
