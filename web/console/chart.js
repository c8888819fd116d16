import { $, el, mark, say } from './dom.js';
import { quantile, seconds } from './rates.js';

const pointsMax = 300;
const pointsMin = 60; // that the width is divided among, however few there are

/** A Chart is the course of one number over the last looks, from 0 up. */
export class Chart {
  #canvas;
  #now;
  #points = [];

  constructor(id) {
    this.#canvas = $(id);
    this.#now = $(`${id}-now`);
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
  }

  /** Adds a value, undefined for none, and how it is written. */
  put(value, text) {
    this.#points.push(value);
    if (this.#points.length > pointsMax) this.#points.shift();
    say(this.#now, text);
    this.#draw();
  }

  #draw() {
    const { clientWidth: w, clientHeight: h } = this.#canvas;
    if (w === 0) return;
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(w * ratio);
    this.#canvas.height = Math.round(h * ratio);
    const pen = this.#canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.#canvas);
    const line = style.getPropertyValue('--line');
    const accent = style.getPropertyValue('--accent');
    const top = Math.max(1e-9, ...this.#points.filter((v) => v !== undefined)) * 1.1;
    pen.strokeStyle = line;
    for (const share of [0, 0.5, 1]) {
      const y = Math.round((h - 2) * share) + 0.5;
      pen.strokeRect(0, y, w, 0);
    }
    const room = Math.max(pointsMin, this.#points.length);
    const step = w / (room - 1);
    const first = room - this.#points.length;
    const at = (v, i) => [(first + i) * step, h - 2 - (h - 4) * v / top];
    pen.beginPath();
    let from;
    let to = 0;
    this.#points.forEach((v, i) => {
      if (v === undefined) return;
      const [x, y] = at(v, i);
      from ??= x;
      to = x;
      pen.lineTo(x, y);
    });
    if (from === undefined) return;
    pen.strokeStyle = pen.fillStyle = accent;
    pen.lineWidth = 1.6;
    pen.lineJoin = 'round';
    pen.stroke();
    pen.lineTo(to, h);
    pen.lineTo(from, h);
    pen.globalAlpha = 0.14;
    pen.fill();
  }
}

/** Bars are a histogram of seconds: those of its buckets that a glance is worth. */
export class Bars {
  #list;
  #now;

  constructor(id) {
    this.#list = $(id).querySelector('ol');
    this.#now = $(id).querySelector('b');
  }

  show(histogram) {
    const { bounds, counts, total } = histogram;
    const most = Math.max(1, ...counts);
    while (this.#list.children.length < counts.length) {
      this.#list.append(el('li', {}, el('i'), el('small')));
    }
    counts.forEach((n, i) => {
      const li = this.#list.children[i];
      const bound = i < bounds.length ? `up to ${seconds(bounds[i])}` : 'more';
      li.children[0].style.height = `${100 * n / most}%`;
      mark(li, 'none', n === 0);
      li.title = `${bound}: ${n}`;
      say(li.children[1], i % 4 === 1 && i < bounds.length ? seconds(bounds[i]) : '');
    });
    say(this.#now, total === 0 ? 'nothing yet'
      : `p50 ${seconds(quantile(histogram, 0.5))}, p99 ${seconds(quantile(histogram, 0.99))}`);
  }
}
