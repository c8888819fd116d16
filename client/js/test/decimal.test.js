import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal, FormError } from '../index.js';
import { memberText } from '../member.js';

test('a decimal keeps its digits', () => {
  const table = [
    ['123.40', '123.40'], ['0', '0'], ['-0.05', '-0.05'], ['7', '7'], ['1e3', '1000'],
    ['1.5E-3', '0.0015'], ['12.5e1', '125'], ['0e5', '0'], ['-12', '-12'],
    ['0.1234567890123456789', '0.1234567890123456789'],
    ['123456789012345678901234567890.5', '123456789012345678901234567890.5'],
  ];
  for (const [text, want] of table) {
    assert.equal(String(Decimal.parse(text)), want);
    assert.equal(Decimal.parse(text).toNumber(), Number(text), text);
  }
  assert.equal(String(new Decimal(5n, 2)), '500');
  assert.equal(String(new Decimal(-5n, -3)), '-0.005');
  assert.equal(JSON.stringify({ p: new Decimal(150n, -1) }), '{"p":"15.0"}');
});

test('what is no decimal is refused', () => {
  for (const text of ['', '.5', '5.', '1e', 'abc', '0x1', '1e99999', '١', ' 1', '--1', 'NaN']) {
    assert.throws(() => Decimal.parse(text), FormError, text);
  }
});

test('decimals compare by value', () => {
  const d = Decimal.parse;
  assert.ok(d('1.0').equals(d('1')));
  assert.ok(d('1e2').equals(d('100.00')));
  assert.ok(d('-0.0').equals(d('0')));
  assert.equal(d('1.01').compare(d('1.1')), -1);
  assert.equal(d('-1').compare(d('-1.5')), 1);
});

test('the text of a member is found, and only at the top', () => {
  const table = [
    ['{"a":1}', 'a', '1'], ['{ "a" : 1.50 , "b":2}', 'a', '1.50'], ['{}', 'a', undefined],
    ['{"x":{"a":2},"a":[1,{"a":3}]}', 'a', '[1,{"a":3}]'],
    ['{"x":"\\"a\\":9","a":null}', 'a', 'null'],
    ['{"a":1,"a":2}', 'a', '2'], ['{"b":"a","a":"}"}', 'a', '"}"'],
    ['{"b":["]",{}]}', 'a', undefined],
    [' {\n"a"\t:\r{"b":"\\\\"} }', 'a', '{"b":"\\\\"}'],
  ];
  for (const [object, key, want] of table) assert.equal(memberText(object, key), want, object);
});

test('memberText agrees with JSON.parse on random objects', () => {
  const words = ['a', '"', '\\', '}', '{', ',', ':', '[', 'ä', '\n'];
  const pick = (n) => Math.floor(Math.random() * n);
  const text = () => Array.from({ length: pick(5) }, () => words[pick(words.length)]).join('');
  const value = (depth) => [() => text(), () => pick(1000) / 8, () => null,
    () => Array.from({ length: pick(3) }, () => value(depth - 1)), () => object(depth - 1),
  ][pick(depth > 0 ? 5 : 3)]();
  const object = (depth) => Object.fromEntries(
    Array.from({ length: pick(5) }, () => [text(), value(depth)]));
  for (let i = 0; i < 3000; i++) {
    const o = { ...object(3), a: value(3) };
    const found = memberText(JSON.stringify(o, null, pick(2)), 'a');
    assert.deepEqual(JSON.parse(found), o.a);
  }
});
