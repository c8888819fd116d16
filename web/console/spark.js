const pointsMax = 240;
const sampleMs = 250;

/** Colours of the scheme, read again when the scheme changes. */
export const ink = { up: '', down: '' };

function readInk() {
  const style = getComputedStyle(document.documentElement);
  ink.up = style.getPropertyValue('--up').trim();
  ink.down = style.getPropertyValue('--down').trim();
}

readInk();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', readInk);

/**
 * A Spark is the course of one price over the last minute: one value for each quarter of
 * a second in which it ticked, in a ring.
 */
export class Spark {
  isStale = false; // it has a point that is not drawn

  #canvas;
  #pen;
  #points = new Float64Array(pointsMax);
  #count = 0; // of points ever put
  #at = -Infinity;
  #width = 0;
  #height = 0;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** Whether a value at now (ms) would be a point of its own. */
  wants(now) {
    return now - this.#at >= sampleMs;
  }

  put(value, now) {
    this.#points[this.#count++ % pointsMax] = value;
    this.#at = now;
    this.isStale = true;
  }

  /** The canvas is shown in another size, or another scheme. */
  resize() {
    this.#width = 0;
    this.isStale = true;
  }

  draw() {
    this.isStale = false;
    if (this.#width === 0 && !this.#measure()) return;
    const n = Math.min(this.#count, pointsMax);
    const pen = this.#pen;
    const [w, h] = [this.#width, this.#height];
    pen.clearRect(0, 0, w, h);
    if (n < 2) return;
    const begin = this.#count - n;
    const at = (i) => this.#points[(begin + i) % pointsMax];
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < n; i++) {
      low = Math.min(low, at(i));
      high = Math.max(high, at(i));
    }
    const scale = high > low ? (h - 5) / (high - low) : 0;
    const y = (v) => (scale ? h - 2.5 - (v - low) * scale : h / 2);
    const step = (w - 4) / (n - 1);
    pen.beginPath();
    for (let i = 0; i < n; i++) pen.lineTo(1 + i * step, y(at(i)));
    pen.strokeStyle = pen.fillStyle = at(n - 1) >= at(0) ? ink.up : ink.down;
    pen.stroke();
    pen.lineTo(1 + (n - 1) * step, h);
    pen.lineTo(1, h);
    pen.globalAlpha = 0.12;
    pen.fill();
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.arc(1 + (n - 1) * step, y(at(n - 1)), 2, 0, 7);
    pen.fill();
  }

  #measure() {
    const { clientWidth: w, clientHeight: h } = this.#canvas;
    if (w === 0) return false;
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(w * ratio);
    this.#canvas.height = Math.round(h * ratio);
    this.#pen = this.#canvas.getContext('2d');
    this.#pen.scale(ratio, ratio);
    this.#pen.lineWidth = 1.4;
    this.#pen.lineJoin = 'round';
    this.#width = w;
    this.#height = h;
    return true;
  }
}
