// RFC 6455 framing for the fake server: enough for text, binary and close.

import { createHash } from 'node:crypto';

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Answers an upgrade, selecting protocol. */
export function accept(req, socket, protocol) {
  const key = createHash('sha1').update(req.headers['sec-websocket-key'] + guid).digest('base64');
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${key}`, `Sec-WebSocket-Protocol: ${protocol}`, '', ''].join('\r\n'));
}

/** One unmasked frame (§5.2). */
export function frame(op, payload) {
  const n = payload.length;
  let head;
  if (n < 126) head = Buffer.from([0x80 | op, n]);
  else if (n < 65536) head = Buffer.from([0x80 | op, 126, n >> 8, n & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = 0x80 | op;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(n), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Calls onFrame(op, payload) for each whole frame of a client; fragments are refused. */
export function read(socket, onFrame) {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const f = parse(rest);
      if (!f) return;
      rest = rest.subarray(f.size);
      if (!f.fin || !f.masked) throw new Error('frame is a fragment or not masked');
      onFrame(f.op, f.payload);
    }
  });
}

function parse(b) {
  if (b.length < 2) return null;
  let n = b[1] & 0x7f;
  let at = 2;
  if (n === 126) {
    if (b.length < 4) return null;
    n = b.readUInt16BE(2);
    at = 4;
  } else if (n === 127) {
    if (b.length < 10) return null;
    n = Number(b.readBigUInt64BE(2));
    at = 10;
  }
  const masked = (b[1] & 0x80) !== 0;
  const from = at + (masked ? 4 : 0);
  if (b.length < from + n) return null;
  const payload = Buffer.from(b.subarray(from, from + n));
  if (masked) for (let i = 0; i < n; i++) payload[i] ^= b[at + (i & 3)];
  return { fin: (b[0] & 0x80) !== 0, op: b[0] & 15, masked, payload, size: from + n };
}
