import { Decimal } from './decimal.js';
import { memberText } from './member.js';

const jsonNumber = /^-?\d/;

/**
 * A Tick is a price change of one token, or (type 'snap') the last one at the
 * time of a subscribe. It is the same for both dialects:
 *
 *   token seq ts      ts is the server's time of its arrival, Unix µs
 *   ltp bid ask       exact Decimals; null where the tick has none
 *   data              the publisher's object, in the JSON dialect and mode full
 *   text              the publisher's JSON as it was sent, if there is data
 *   raw               the frame's text; undefined for a binary frame
 *
 * In mode ltp only ltp is given; if it is no number, `frame.ltp` has what it is.
 */
export class Tick {
  #prices;

  constructor(fields, raw) {
    this.type = fields.type;
    this.token = fields.token;
    this.seq = fields.seq;
    this.ts = fields.ts;
    this.data = fields.data;
    this.raw = raw;
    this.frame = fields;
    if (raw === undefined) this.#prices = fields;
  }

  get text() {
    return this.data === undefined ? undefined : memberText(this.raw, 'data');
  }

  get ltp() {
    return this.#priced().ltp;
  }

  get bid() {
    return this.#priced().bid;
  }

  get ask() {
    return this.#priced().ask;
  }

  // Prices of JSON are read when they are asked for, and from the text: a
  // double would lose digits.
  #priced() {
    this.#prices ??= this.data === undefined
      ? { ltp: price(this.raw, 'ltp'), bid: null, ask: null }
      : prices(this.text);
    return this.#prices;
  }
}

function prices(text) {
  return {
    ltp: price(text, 'ltp'),
    bid: price(text, 'bestbidprice'),
    ask: price(text, 'bestaskprice'),
  };
}

function price(text, key) {
  const value = memberText(text, key);
  if (value === undefined || !jsonNumber.test(value)) return null;
  try {
    return Decimal.parse(value);
  } catch {
    return null; // an exponent that no price has
  }
}
