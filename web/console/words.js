// What people are told: sentences for errors, numbers and times as they are read.

import { HttpError, RequestError } from './client/index.js';

/** A sentence about what went wrong. */
export function explain(error) {
  if (error instanceof HttpError) return refused(error);
  if (error instanceof RequestError) return sentence(error.message);
  // What fetch throws says nothing to people; its kinds differ by browser.
  if (error instanceof TypeError && /fetch|network|load/i.test(error.message)
    || error?.name === 'TimeoutError') {
    return 'The server does not answer.';
  }
  return sentence(error?.message ?? String(error));
}

function refused({ status, detail, retryAfterMs }) {
  const later = retryAfterMs > 0 ? ` Try again in ${span(retryAfterMs)}.` : ' Try again soon.';
  switch (status) {
    case 401: return 'Your session has ended.';
    case 413: return 'That is too long.';
    case 429: return `Too often.${later}`;
    case 502: case 504: return 'The server does not answer.';
    case 503: return `${sentence(detail)}${later}`;
  }
  return sentence(detail);
}

/** With a capital letter and a full stop. */
export function sentence(text) {
  const s = String(text).trim();
  if (s === '') return '';
  return s[0].toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? '' : '.');
}

const groups = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 12345.6 as 12,346. */
export function whole(n) {
  return groups.format(n);
}

/** A length of time, in its two greatest units at most: 3 min 5 s. */
export function span(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} days`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit',
  hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const all = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium',
  hourCycle: 'h23' });

/** A time (Date) as short as it is clear: 14:05 today, else the day. */
export function when(time) {
  const today = time.toDateString() === new Date().toDateString();
  return today ? clock.format(time) : day.format(time);
}

export function moment(time) {
  return all.format(time);
}

/** An exact decimal with its thousands apart: 1,234.50. */
export function price(decimal) {
  if (decimal === null || decimal === undefined) return '–';
  const s = String(decimal);
  const dot = s.indexOf('.');
  const end = dot < 0 ? s.length : dot;
  if (end <= 3) return s;
  return s.slice(0, end).replace(/\B(?=(\d{3})+$)/g, ',') + s.slice(end);
}
