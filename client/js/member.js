// Finds the text of one member of a JSON object without parsing it: so the
// publisher's bytes and its decimals are had as they were sent.

/**
 * The text of the value that key has at the top level of object, which must be
 * valid JSON; undefined if it has none. Of equal keys the last counts, as in
 * JSON.parse. Keys spelled with escapes are not found.
 */
export function memberText(object, key) {
  const quoted = JSON.stringify(key);
  let found;
  let i = skipBlanks(object, 0) + 1; // after the brace
  for (;;) {
    i = skipBlanks(object, i);
    if (object[i] !== '"') return found; // the brace of an empty object, or the end
    const keyEnd = skipString(object, i);
    const isKey = object.slice(i, keyEnd) === quoted;
    const from = skipBlanks(object, skipBlanks(object, keyEnd) + 1); // after the colon
    const to = skipValue(object, from);
    if (isKey) found = object.slice(from, to).trimEnd();
    if (object[to] !== ',') return found;
    i = to + 1;
  }
}

function skipBlanks(s, i) {
  while (s[i] === ' ' || s[i] === '\n' || s[i] === '\r' || s[i] === '\t') i++;
  return i;
}

/** The index after the string that begins at i. */
function skipString(s, i) {
  for (i++; i < s.length; i++) {
    if (s[i] === '\\') i++;
    else if (s[i] === '"') return i + 1;
  }
  return i;
}

/** The index of the comma or brace that ends the value beginning at i. */
function skipValue(s, i) {
  let depth = 0;
  while (i < s.length) {
    const c = s[i];
    if (c === '"') {
      i = skipString(s, i);
      continue;
    }
    if (c === '{' || c === '[') depth++;
    if (depth === 0 && (c === ',' || c === '}')) return i;
    if (c === '}' || c === ']') depth--;
    i++;
  }
  return i;
}
