// Writes records of azira.v1.bin, by rules of its own: BigInt throughout, where
// the decoder works on doubles first.

/** An unsigned number, least significant 7 bits first. */
export function leb(value) {
  let n = BigInt(value);
  const out = [];
  do {
    const low = Number(n % 128n);
    n /= 128n;
    out.push(n > 0n ? low + 128 : low);
  } while (n > 0n);
  return out;
}

export function zigzag(value) {
  const n = BigInt(value);
  return leb(n < 0n ? -2n * n - 1n : 2n * n);
}

/** prices are integers of 10^exp; bid and ask both null or both not. */
export function record({ type, ref, seq, sinceEpoch, exp, ltp, bid = null, ask = null }) {
  const kind = (type === 'snap' ? 2 : 1) + (bid === null ? 128 : 0);
  const quotes = bid === null
    ? []
    : [...zigzag(BigInt(bid) - BigInt(ltp)), ...zigzag(BigInt(ask) - BigInt(ltp))];
  return Buffer.from([kind, ...leb(ref), ...leb(seq), ...leb(sinceEpoch), exp & 255,
    ...zigzag(ltp), ...quotes]);
}
