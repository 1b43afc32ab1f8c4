/** The controls of a filter beside its numbers: known filters, the bias, and undo. */

import { fill, h } from "./dom.js";
import { ask } from "./api.js";
import { number } from "./format.js";
import { change, isChanged, now, set } from "./store.js";

/** @param {(error: Error) => void} failed */
export function filterControls(failed) {
  const element = h("div.controls");
  let at = { layer: "", c: 0 };
  /** @type {{weights: number[][][], bias: number | null}} */
  let current = { weights: [], bias: null };

  const choose = h("select", { "aria-label": "Replace the filter with a known one", onchange: () => preset(choose.value) });
  const bias = h("input", { type: "text", inputMode: "decimal", "aria-label": "Bias", autocomplete: "off",
    oninput: () => {
      const value = Number(bias.value.trim().replace("−", "-").replace(",", "."));
      const good = bias.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
      bias.setAttribute("aria-invalid", String(!good));
      if (good) change(at.layer, at.c, { ...current, bias: value });
    } });
  const own = h("button", { type: "button", onclick: () => change(at.layer, at.c, null) }, "Undo");
  const all = h("button", { type: "button", onclick: () => set({ changes: {} }) }, "Undo all");
  const biased = h("label.bias", {}, "bias", bias);
  fill(element, choose, biased, own, all);

  async function preset(name) {
    choose.value = "";
    if (!name) return;
    try {
      const { arrays } = await ask("preset", { layer: at.layer, name });
      change(at.layer, at.c, { weights: nested(arrays.weights, 0), bias: current.bias === null ? null : 0 });
    } catch (error) {
      failed(error);
    }
  }

  return {
    element,
    /** Sets one weight of the filter that is shown. */
    edit(row, column, k, value) {
      const weights = structuredClone(current.weights);
      weights[row][column][k] = value;
      change(at.layer, at.c, { ...current, weights });
    },
    /** Lists the known filters that fit the windows of a layer. @param {string[]} names */
    known(names) {
      fill(choose, h("option", { value: "" }, "Known filters …"), names.map((name) => h("option", { value: name }, name)));
      choose.hidden = !names.length;
    },
    /** Shows filter `c` of a layer, which is at `place` in W (f_H, f_W, C_in, n) and b (n,). */
    draw(layer, c, W, b, place) {
      at = { layer, c };
      current = { weights: nested(W, place), bias: b ? b.values[place] : null };
      biased.hidden = !b;
      if (b && bias !== document.activeElement) bias.value = number(b.values[place]);
      own.hidden = !isChanged(layer, c);
      all.hidden = !Object.keys(now.changes).length;
    },
  };
}

/** W[..., c] as nested lists; all of W if it has no axis of filters. */
function nested({ shape: [f, g, deep, n = 1], values }, c) {
  return Array.from({ length: f }, (_, i) => Array.from({ length: g }, (_, j) =>
    Array.from({ length: deep }, (_, k) => values[((i * g + j) * deep + k) * n + c])));
}
