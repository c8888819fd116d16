import { FormError } from './errors.js';
import { exponentMax } from './limits.js';

const form = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * A Decimal is n · 10^exp, exact: n is a BigInt, exp a small integer. Two
 * Decimals of one value may differ in form (5·10^0, 50·10^-1); equals and
 * compare look at the value, toString keeps the form.
 */
export class Decimal {
  constructor(n, exp) {
    this.n = n;
    this.exp = exp;
  }

  /** Reads a number as JSON and decimal strings spell it: 123.40, -5, 1.2e-3. */
  static parse(text) {
    const m = form.exec(text);
    if (!m) throw new FormError(`not a decimal: ${String(text).slice(0, 40)}`);
    const [, sign, whole, part = '', e = '0'] = m;
    const exp = Number(e) - part.length;
    if (Math.abs(exp) > exponentMax) throw new FormError('exponent of a decimal is too large');
    const n = BigInt(whole + part);
    return new Decimal(sign ? -n : n, exp);
  }

  /** The exact value in plain digits: 123.40, never 1.234e2. */
  toString() {
    const sign = this.n < 0n ? '-' : '';
    const digits = String(this.n < 0n ? -this.n : this.n);
    if (this.n === 0n && this.exp > 0) return '0';
    if (this.exp >= 0) return sign + digits + '0'.repeat(this.exp);
    const padded = digits.padStart(1 - this.exp, '0');
    return `${sign}${padded.slice(0, this.exp)}.${padded.slice(this.exp)}`;
  }

  toJSON() {
    return this.toString();
  }

  /** The nearest double: for charts, not for sums. */
  toNumber() {
    return Number(`${this.n}e${this.exp}`);
  }

  valueOf() {
    return this.toNumber();
  }

  /** Below 0, 0 or above 0, as this is less than, equal to or more than other. */
  compare(other) {
    const exp = Math.min(this.exp, other.exp);
    const a = this.n * 10n ** BigInt(this.exp - exp);
    const b = other.n * 10n ** BigInt(other.exp - exp);
    return a < b ? -1 : Number(a > b);
  }

  equals(other) {
    return this.compare(other) === 0;
  }
}
