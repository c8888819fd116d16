// The few things that the page does with its document. Text only ever goes in as text:
// the policy of the page forbids the rest, and nothing here tries.

/** The element with this id, which the page has. */
export function $(id) {
  return document.getElementById(id);
}

/** A new element: el('li', {class: 'all', role: 'option'}, 'text', another). */
export function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) e.setAttribute(key, value === true ? '' : value);
  }
  e.append(...children);
  return e;
}

/** The first element of a copy of the template with this id. */
export function copy(id) {
  return $(id).content.firstElementChild.cloneNode(true);
}

/** Sets what differs: a node that is as it should be is not touched. */
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** Sets or removes a data attribute, if it differs. */
export function mark(e, key, value) {
  if (value === undefined || value === false) delete e.dataset[key];
  else if (e.dataset[key] !== String(value)) e.dataset[key] = value;
}

/** A line that goes by itself. */
export function toast(text, state = '') {
  const p = el('p', { 'data-state': state }, text);
  $('toasts').append(p);
  setTimeout(() => p.remove(), 6000);
}

/**
 * Calls f every so many ms while the page is seen, and at once when it is seen again.
 * Returns a function that ends it.
 */
export function whileSeen(ms, f) {
  const look = () => document.visibilityState === 'visible' && f();
  const timer = setInterval(look, ms);
  document.addEventListener('visibilitychange', look);
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', look);
  };
}
