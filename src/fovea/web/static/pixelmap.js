/** One enlarged map with a cursor on one of its values, moved by mouse, finger or arrow keys. */

import { h } from "./dom.js";
import { exact } from "./format.js";
import { way } from "./keys.js";
import { canvas, map, strip } from "./paint.js";

const [MOST_WIDE, FLAT_WIDE] = [252, 560]; // CSS pixels, of a map and of a row of numbers
const [LEAST, WIDEST] = [6, 420]; // CSS pixels: a value is at least LEAST wide, up to a map of WIDEST
const LINE = 40; // values per line of a layer without maps

/** @param {(at: number[]) => void} choose */
export function pixelMap(choose) {
  const board = canvas(1, 1, 0);
  const cursor = h("span.cursor", { ariaHidden: "true" });
  const output = h("output.value", { "aria-live": "polite" });
  const stage = h("div.stage.large", { tabIndex: 0, role: "application", "aria-roledescription": "map" }, board, cursor);
  let H = 1, W = 1, n = 0, at = [0, 0]; // n: of the values of a flat layer; 0 for a map

  const go = (row, column) => {
    row = Math.max(0, Math.min(H - 1, row));
    column = Math.max(0, Math.min(W - 1, column));
    if (n && row * W + column >= n) return;
    choose(n ? [row * W + column] : [row, column]);
  };
  const point = (event) => {
    const box = board.getBoundingClientRect();
    go(Math.floor(((event.clientY - box.top) * H) / box.height), Math.floor(((event.clientX - box.left) * W) / box.width));
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    point(event);
  });
  stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && point(event));
  stage.addEventListener("keydown", (event) => {
    const step = way(event);
    if (!step) return;
    event.preventDefault();
    go(at[0] + step[0], at[1] + step[1]);
  });

  /** Draws channel `channel` of a tensor (H, W, C), or all of (n,), with the cursor at `place`. */
  function draw(tensor, channel, place, most, name) {
    const flat = tensor.shape.length === 1;
    n = flat ? tensor.shape[0] : 0;
    [H, W] = flat ? [Math.ceil(n / LINE), Math.min(n, LINE)] : tensor.shape;
    at = flat ? [Math.floor(place[0] / W), place[0] % W] : place;
    const cell = flat ? Math.min(FLAT_WIDE / W, 36) : Math.min(MOST_WIDE / W, MOST_WIDE / H, 36);
    stage.style.width = `${Math.max(cell * W, Math.min(LEAST * W, WIDEST))}px`;
    if (flat) strip(board, tensor.values, W, most);
    else map(board, tensor, channel, most);
    Object.assign(cursor.style, { left: `${(100 * at[1]) / W}%`, top: `${(100 * at[0]) / H}%`, width: `${100 / W}%`, height: `${100 / H}%` });
    const value = flat ? tensor.values[place[0]] : tensor.values[(at[0] * W + at[1]) * tensor.shape[2] + channel];
    const where = flat ? `number ${place[0]}` : `row ${at[0]}, column ${at[1]}`;
    stage.setAttribute("aria-label", `${name}; arrow keys choose a value`);
    output.replaceChildren(h("span", {}, where), h("b", {}, exact(value)));
  }
  return { element: h("div.pixelmap", {}, stage, output), draw };
}
