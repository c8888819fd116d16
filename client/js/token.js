import { tokenBytes } from './limits.js';

// Commas, bars and ampersands separate names elsewhere; else what is printable will
// do, and of blanks the plain one inside.
const impossible = /[,|&\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const utf8 = new TextEncoder();

/** Trims names, drops repetitions and refuses what is no token name before the server has to. */
export function checkTokens(tokens) {
  const names = new Set(typeof tokens === 'string' ? [tokens] : tokens);
  const all = [...new Set([...names].map(checked))];
  if (all.length === 0) throw new TypeError('no tokens named');
  return all;
}

function checked(token) {
  const name = typeof token === 'string' ? token.trim() : '';
  if (name === '' || impossible.test(name) || utf8.encode(name).length > tokenBytes) {
    throw new TypeError(`not a token name: ${JSON.stringify(token)}`);
  }
  return name;
}
