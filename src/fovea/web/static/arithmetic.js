/** The arithmetic of a value: left × right = products, their sum, the bias. */

import { fill, h } from "./dom.js";
import { largest, style } from "./colour.js";
import { exact, number, unit } from "./format.js";
import { roving, stop } from "./keys.js";
import { numbers } from "./grid.js";
import { canvas, map } from "./paint.js";
import { now, set } from "./store.js";

const MOST_SIDE = 7; // a window of more rows or columns is a list of its largest products
const MOST_TERMS = 12;

/** @param {(row: number, column: number, k: number, value: number) => void} edit  of a filter */
export function arithmetic(edit) {
  const element = h("div.arithmetic");
  let shown = { key: "", update: (step) => {} };
  return {
    element,
    /** Shows a step of `fovea.trace`; with `editable`, the right side consists of input fields. */
    draw(step, editable) {
      const [f, g, deep = 1] = step.shape;
      const grids = step.shape.length >= 2 && f <= MOST_SIDE && g <= MOST_SIDE;
      const key = [step.layer, step.array, step.shape, grids && editable, grids].join();
      if (key !== shown.key) shown = { key, update: grids ? asGrids(element, step, f, g, deep, editable && edit) : asList(element) };
      shown.update(step);
    },
    clear: (text) => (fill(element, h("p.note", {}, text)), (shown = { key: "", update: () => {} })),
  };
}

function asGrids(element, step, f, g, deep, edit) {
  const [head, chips, total] = [h("p.rule"), h("div.chips", { role: "listbox", "aria-label": "Input channels, with their sums" }), h("p.total", { "aria-live": "polite" })];
  const left = numbers(f, g, { name: names(step.left) });
  const right = step.right === null || step.winner ? null : numbers(f, g, {
    name: names(step.right), edit: edit ? (at, value) => edit(Math.floor(at / g), at % g, Math.min(now.k, deep - 1), value) : undefined });
  const products = right && numbers(f, g, { name: "Products" });
  const captions = { left: h("figcaption"), right: h("figcaption"), products: h("figcaption") };
  const part = (name, grid) => h("figure", {}, captions[name], grid.element);
  const sign = (text) => h("span.sign", { ariaHidden: "true" }, text);
  roving(chips, "button", { columns: () => 1, follow: true });
  fill(element, head, chips, h("div.grids", {}, part("left", left),
    right && [sign("×"), part("right", right), sign("="), part("products", products)]), total);

  return (step) => {
    const k = Math.min(now.k, deep - 1);
    const { terms } = step;
    const of = (list) => list.filter((_, at) => at % deep === k).map(Number);
    const inside = terms.inside.filter((_, at) => at % deep === k);
    const winner = step.winner ? step.winner[0] * g + step.winner[1] : undefined;
    const show = (grid, name, title, list, seen) => {
      const most = largest(list.map(Number));
      grid?.update(of(list), { inside: seen, winner, most });
      fill(captions[name], title + (edit && name === "right" ? "" : unit(most).power.replace("·", ", × ")));
    };
    show(left, "left", names(step.left), terms.left, inside);
    if (right) show(right, "right", edit ? "filter: type to change it" : names(step.right), terms.right, edit ? undefined : inside);
    if (products) show(products, "products", "products", terms.product, inside);
    fill(head, ...rule(step));
    drawChips(chips, sums(terms.product, deep), k);
    fill(total, ...sentence(step, sums(terms.product, deep)));
  };
}

function asList(element) {
  return (step) => {
    const { terms } = step;
    const order = [...terms.product.keys()].filter((at) => terms.inside[at]);
    order.sort((a, b) => Math.abs(terms.product[b]) - Math.abs(terms.product[a]));
    const rows = order.slice(0, Math.max(3, Math.min(MOST_TERMS, order.filter((at) => Number(terms.product[at])).length)));
    const most = largest(terms.product.map(Number));
    const rest = step.rest.sum + order.slice(rows.length).reduce((sum, at) => sum + Number(terms.product[at]), 0);
    const left = order.length + step.rest.terms - rows.length;
    const place = (name, at) => `${name}${at ? `[${at.join(", ")}]` : ""}`;
    const cell = (at) => h("td.number", {}, exact(Number(terms.product[at])));
    fill(element, h("p.rule", {}, ...rule(step)), heat(step), h("table.terms", {}, h("tbody", {}, rows.map((at) => {
      const product = cell(at);
      Object.assign(product.style, style(Number(terms.product[at]), most));
      return h("tr", {}, h("td", {}, place(step.left, terms.left_at?.[at])), h("td.number", {}, exact(Number(terms.left[at]))),
        step.right !== null && [h("td", {}, `× ${place(step.right, terms.right_at?.[at])}`), h("td.number", {}, exact(Number(terms.right[at]))), h("td", {}, "=")],
        step.right !== null && product);
    }), left > 0 && h("tr.rest", {}, h("td", { colspan: "5" }, `and ${left} smaller ones, together`), h("td.number", {}, exact(rest))))),
      h("p.total", {}, ...sentence(step, [])));
  };
}

/** The colours of windows that are too large for numbers. */
function heat({ shape, left, right, terms, rest }) {
  const [f, g, deep] = shape;
  if (shape.length < 2 || deep > 1 || rest.terms) return null;
  const figure = (name, values) => {
    const onto = canvas(f, g, Math.min(150, 10 * g), { role: "img", "aria-label": name });
    map(onto, { shape: [f, g, 1], values: Float32Array.from(values, Number) }, 0, largest(values.map(Number)));
    return h("figure", {}, h("figcaption", {}, name), onto);
  };
  const sign = (text) => h("span.sign", { ariaHidden: "true" }, text);
  return h("div.grids", {}, figure(names(left), terms.left), right !== null && [sign("×"), figure(names(right), terms.right), sign("="), figure("products", terms.product)]);
}

function drawChips(chips, sums, k) {
  chips.hidden = sums.length < 2;
  if (chips.hidden) return;
  const most = largest(sums);
  const { scale } = unit(most);
  if (chips.children.length !== sums.length)
    fill(chips, sums.map((_, at) => h("button", { type: "button", role: "option", "aria-label": `Input channel ${at}`, onclick: () => set({ k: at }) })));
  [...chips.children].forEach((chip, at) => {
    chip.textContent = number(sums[at] / scale);
    chip.title = `input channel ${at}: ${exact(sums[at])}`;
    chip.setAttribute("aria-selected", String(at === k));
    Object.assign(chip.style, style(sums[at], most));
  });
  stop([...chips.children], chips.children[k]);
}

/** The sum of the products in each channel. */
function sums(products, deep) {
  const found = Array(deep).fill(0);
  products.forEach((product, at) => (found[at % deep] += Number(product)));
  return found;
}

const rule = (step) => [h("code", {}, `${step.layer}: ${step.array}[${step.at.join(", ")}]`), ` = ${step.rule}`];

function sentence(step, sums) {
  const sum = Number(step.sum) - Number(step.bias ?? 0);
  const parts = sums.length > 1 && sums.length <= 8 ? [`${sums.map(exact).join(" + ").replaceAll("+ −", "− ")} = `] : ["sum "];
  const bias = step.bias === null ? [] : [` ${exact(sum)} + bias ${exact(step.bias)} = `];
  if (step.terms.product.length === 1 && step.bias === null) return ["= ", h("b", {}, exact(step.value))];
  return step.winner ? ["maximum ", h("b", {}, exact(step.value))]
    : [...(sums.length > 1 && sums.length <= 8 ? parts : bias.length ? ["sum"] : parts), ...bias, h("b", {}, exact(step.value))];
}

const NAMES = { A_prev: "window", W: "filter", dZ: "dZ", "1/count": "1 / count", "is the maximum": "is the maximum" };
const names = (name) => NAMES[name] ?? name;
