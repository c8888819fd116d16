/**
 * A Painter paints rows: at most once per frame of the screen, those that have changed
 * and are seen. A row out of sight costs nothing until it is scrolled to; a page out of
 * sight gets no frames.
 */
export class Painter {
  #due = [];
  #isAsked = false;

  /** The row has changed. */
  mark(row) {
    if (row.isDirty) return;
    row.isDirty = true;
    if (row.isSeen) this.#queue(row);
  }

  /** The row came into sight, or went. */
  see(row, isSeen) {
    if (row.isSeen === isSeen) return;
    row.isSeen = isSeen;
    if (isSeen && row.isDirty) this.#queue(row);
  }

  #queue(row) {
    this.#due.push(row);
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now) {
    this.#isAsked = false;
    const due = this.#due;
    this.#due = [];
    for (const row of due) {
      if (!row.isSeen || !row.isDirty) continue; // it stays dirty until it is seen
      row.isDirty = false;
      row.paint(now);
    }
  }
}
