import { $ } from './dom.js';

/**
 * Shows one of the views where there is room for one only; where there is room for all,
 * moves the focus there.
 */
export function view(name) {
  document.body.dataset.view = name;
  for (const b of document.querySelectorAll('.views button')) {
    if (b.dataset.view === name) b.setAttribute('aria-current', 'page');
    else b.removeAttribute('aria-current');
  }
}

/** Single keys, wherever nothing is being written: {'/': search, …}. */
export function listen(actions) {
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.isComposing) return;
    if (e.target.closest('input, textarea, select, dialog')) return;
    const act = actions[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
  $('keys').addEventListener('click', () => $('keys-list').showModal());
  document.querySelector('.views').addEventListener('click', (e) => {
    const name = e.target.closest('button')?.dataset.view;
    if (name) view(name);
  });
}
