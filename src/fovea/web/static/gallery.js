/** All maps of a layer to choose from, each with its filter below. */

import { fill, h } from "./dom.js";
import { largest } from "./colour.js";
import { count } from "./format.js";
import { inLine, roving, stop } from "./keys.js";
import { canvas, map } from "./paint.js";
import { isChanged } from "./store.js";

const MOST_WIDE = 54; // CSS pixels

/** @param {(channel: number) => void} choose @param {(by: number) => void} turn */
export function gallery(choose, turn) {
  const grid = h("div.gallery", { role: "listbox" });
  const pages = h("div.line", { hidden: true });
  roving(grid, "button", { columns: () => inLine([...grid.children]), follow: true });
  let buttons = [];
  let key = "";

  /**
   * @param {import("./api.js").Tensor} maps  channels `start` …
   * @param {import("./api.js").Tensor | undefined} W  their filters (f_H, f_W, C_in, …), of which channel `k` is shown
   */
  function draw({ layer, name, maps, W, start, total, chosen, k, most }) {
    const [height, width, n] = maps.shape;
    const now = `${layer} ${name} ${maps.shape} ${start}`;
    if (now !== key) {
      buttons = Array.from({ length: n }, (_, i) => thumb(i + start, height, width, W, name, choose));
      fill(grid, buttons.map((one) => one.button));
      grid.setAttribute("aria-label", `${name}s of ${layer}`);
      key = now;
    }
    const filters = W && largest(W.values);
    buttons.forEach((one, i) => {
      map(one.map, maps, i, most);
      if (one.filter) map(one.filter, slice(W, k, i), 0, filters);
      one.button.setAttribute("aria-selected", String(i + start === chosen));
      one.button.classList.toggle("changed", isChanged(layer, i + start));
    });
    if (buttons.length) stop(buttons.map((one) => one.button), buttons[chosen - start]?.button ?? buttons[0].button);
    pages.hidden = total <= n;
    fill(pages, h("button", { type: "button", disabled: start === 0, "aria-label": "Previous maps", onclick: () => turn(-n) }, "‹"),
      h("span.where", {}, `${count(start)}–${count(start + n - 1)} of ${count(total)}`),
      h("button", { type: "button", disabled: start + n >= total, "aria-label": "Next maps", onclick: () => turn(n) }, "›"));
  }
  return { element: h("div", {}, grid, pages), draw };
}

function thumb(number, height, width, W, name, choose) {
  const picture = canvas(height, width, Math.max(12, Math.min(MOST_WIDE, width * 4)), { ariaHidden: "true" });
  const filter = W ? canvas(W.shape[0], W.shape[1], Math.min(36, W.shape[1] * 6), { ariaHidden: "true", className: "pixels filter" }) : null;
  const button = h("button", { type: "button", role: "option", "aria-label": `${name} ${number}`, title: `${name} ${number}`,
    onclick: () => choose(number) }, picture, filter);
  return { button, map: picture, filter };
}

/** W[:, :, k, c] as a tensor (f_H, f_W, 1). */
function slice({ shape, values }, k, c) {
  const [f, g, deep, n] = shape;
  const found = new Float32Array(f * g);
  for (let at = 0; at < f * g; at++) found[at] = values[(at * deep + k) * n + c];
  return { shape: [f, g, 1], values: found };
}
