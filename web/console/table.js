import { $, el, say } from './dom.js';

/**
 * A Table shows rows of text under fixed headings. Cells are used again, so that what is
 * selected or scrolled stays.
 */
export class Table {
  #body;
  #heads;
  #none;

  /** heads: names, those of numbers with a # before; none: what an empty one says. */
  constructor(id, heads, none) {
    this.#heads = heads;
    this.#none = none;
    this.#body = el('tbody');
    const row = heads.map((h) => el('th', { scope: 'col', class: kind(h) }, h.replace('#', '')));
    $(id).replaceChildren(el('thead', {}, el('tr', {}, ...row)), this.#body);
  }

  show(rows) {
    if (rows.length === 0) {
      const cell = el('td', { class: 'none', colspan: this.#heads.length }, this.#none);
      this.#body.replaceChildren(el('tr', { class: 'none' }, cell));
      return;
    }
    this.#body.querySelector('tr.none')?.remove();
    while (this.#body.rows.length > rows.length) this.#body.lastElementChild.remove();
    rows.forEach((cells, i) => {
      const tr = this.#body.rows[i] ?? this.#body.appendChild(
        el('tr', {}, ...this.#heads.map((h) => el('td', { class: kind(h) }))));
      cells.forEach((text, k) => say(tr.cells[k], String(text)));
    });
  }
}

function kind(head) {
  return head.startsWith('#') ? 'num' : undefined;
}
