/** Arrow keys within a group that is one Tab stop: WAI-ARIA's "roving tabindex". */

/** The step of each key: rows down, columns right. */
const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The step of a key, five times as long with Shift; null for other keys. */
export function way(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  const found = WAYS[event.key];
  return found ? found.map((part) => part * (event.shiftKey ? 5 : 1)) : null;
}

/**
 * Arrows, Home and End move the focus among `parent`'s children that match `selector`.
 * @param {HTMLElement} parent
 * @param {string} selector
 * @param {{columns?: () => number, follow?: boolean}} [how]  columns: of the grid, 1 for a list; follow: focus chooses
 */
export function roving(parent, selector, { columns = () => 1, follow = false } = {}) {
  const all = () => /** @type {HTMLElement[]} */ ([...parent.querySelectorAll(selector)]);
  parent.addEventListener("keydown", (event) => {
    const items = all();
    const at = items.indexOf(/** @type {any} */ (document.activeElement));
    if (at < 0) return;
    const wide = Math.max(1, columns());
    const step = way(event);
    let to = step ? at + (wide === 1 ? step[0] + step[1] : step[0] * wide + step[1]) : -1;
    if (event.key === "Home") to = 0;
    else if (event.key === "End") to = items.length - 1;
    else if (!step) return;
    event.preventDefault();
    const next = items[Math.max(0, Math.min(items.length - 1, to))];
    stop(items, next);
    next.focus();
    if (follow) next.click();
  });
  parent.addEventListener("focusin", (event) => {
    const items = all();
    if (items.includes(/** @type {any} */ (event.target))) stop(items, /** @type {any} */ (event.target));
  });
}

/** Tab stops at `one` of `items` only. */
export function stop(items, one) {
  for (const item of items) item.tabIndex = item === one ? 0 : -1;
}

/** The number of a wrapping row's children in its first line. */
export function inLine(items) {
  if (!items.length) return 1;
  const top = items[0].offsetTop;
  const below = items.findIndex((item) => item.offsetTop > top + 2);
  return below < 0 ? items.length : below;
}
