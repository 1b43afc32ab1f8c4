/** The grids of one step: the picture with its padding and the window, the filter, the output. */

import { fill, h } from "./dom.js";
import { largest } from "./colour.js";
import { number } from "./format.js";
import { numbers } from "./grid.js";

const [FORWARD, BACKWARD] = [["products", "output"], ["dZ", "dA", "dW"]];
const SOFT = 1.5; // the scale ends above the largest number: few and large numbers would all be dark

/** @param {(at: number, value: number) => void} edit  of a weight */
export function board(edit) {
  const element = h("div.grids.board");
  const words = h("p.total", { "aria-live": "polite" });
  let reply, asked, shape, way, step = 0, uses = false;
  /** @type {Object<string, any>} The grids by name, each {grid, title, figure}. */
  let parts = {};

  function take(found, question) {
    [reply, asked] = [found, structuredClone(question)];
    const key = JSON.stringify({ ...asked, weights: 0, input: 0 });
    if (key !== shape) build();
    shape = key;
  }

  function build() {
    const { side, padding, size: f, operation } = asked;
    const wide = side + 2 * padding;
    const [n] = reply.answer.output;
    const filtered = operation === "convolution";
    const wanted = [["picture", wide, "Picture with its padding"], filtered && ["filter", f, "Filter"],
      filtered && ["products", f, "Products"], ["output", n, "Output"], ["dZ", n, "Gradient of the output"],
      ["dA", wide, "Gradient of the picture"], filtered && ["dW", f, "Gradient of the weights"]];
    parts = {};
    for (const [name, rows, label] of wanted.filter(Boolean)) {
      const grid = numbers(rows, rows, { name: label, edit: name === "filter" ? edit : undefined });
      const title = h("figcaption");
      parts[name] = { grid, title, figure: h("figure", { data: { part: name } }, title, h("div.scroll", {}, grid.element)) };
    }
    fill(element, Object.values(parts).map(({ figure }) => figure));
  }

  function draw(at, direction) {
    [step, way] = [at, direction];
    if (!reply) return;
    const { arrays, answer } = reply;
    const back = way === "backward";
    const [n] = answer.output;
    const [row, column] = [Math.floor(step / n), step % n];
    title("picture", uses ? "windows that use each pixel" : "picture");
    title("filter", "filter: type to change it");
    title("products", "window × filter");
    title("output", "output");
    title("dZ", "dZ, the gradient from above");
    title("dA", "dA, the gradient of the picture");
    title("dW", "dW, the gradient of the filter");
    for (const [name, { figure }] of Object.entries(parts)) figure.hidden = (back ? FORWARD : BACKWARD).includes(name);
    const [top, left] = [row * answer.stride[0], column * answer.stride[1]];
    padded("picture", uses ? arrays.uses.values : arrays.input.values, uses ? arrays.uses.values : arrays.input.values, top, left);
    padded("dA", at3(arrays.dA, step), arrays.dA.values, top, left);
    const later = Array.from(arrays.output.values, (_, t) => t > step);
    parts.output.grid.update([...arrays.output.values], { most: SOFT * largest(arrays.output.values), blank: later });
    parts.dZ.grid.update([...arrays.dZ.values], { most: SOFT * largest(arrays.dZ.values), dim: later });
    parts[back ? "dZ" : "output"].grid.frame(row, column, 1, 1);
    if (parts.filter) {
      parts.filter.grid.update([...arrays.weights.values], { most: SOFT * largest(arrays.weights.values) });
      parts.products.grid.update(at3(arrays.products, step), { most: SOFT * largest(arrays.products.values), inside: at3(arrays.inside, step), padding: "0" });
      parts.dW.grid.update(at3(arrays.dW, step), { most: SOFT * largest(arrays.dW.values) });
    }
    fill(words, ...(back ? backward() : forward()));
  }

  function title(name, text) {
    if (parts[name]) fill(parts[name].title, text);
  }

  /** A grid of the picture's size with its padding, and the window on it. */
  function padded(name, source, scale, top, left) {
    const { side, padding, size: f, operation } = asked;
    const wide = side + 2 * padding;
    const [values, inside] = [[], []];
    for (let at = 0; at < wide * wide; at++) {
      const [row, column] = [Math.floor(at / wide) - padding, (at % wide) - padding];
      inside.push(row >= 0 && column >= 0 && row < side && column < side);
      values.push(inside[at] ? source[row * side + column] : 0);
    }
    const won = reply.arrays.winner.values[step];
    const winner = won >= 0 ? (top + Math.floor(won / f)) * wide + left + (won % f) : undefined;
    const zero = operation === "convolution" && name === "picture" && !uses;
    parts[name].grid.update(values, { most: SOFT * largest(scale), inside, winner, padding: zero ? "0" : "·" });
    if (!parts[name].figure.hidden) parts[name].grid.frame(top, left, f, f);
  }

  function forward() {
    const { arrays } = reply;
    const inside = at3(arrays.inside, step);
    const value = h("b", {}, number(arrays.output.values[step]));
    const seen = (tensor) => at3(tensor, step).filter((_, at) => inside[at]);
    if (asked.operation === "maximum") return [`the largest of ${seen(arrays.left).map(number).join(", ")} is `, value];
    if (asked.operation === "average") return [`(${seen(arrays.left).map(number).join(" + ")}) / ${seen(arrays.left).length} = `, value];
    const terms = seen(arrays.products).filter((product) => product !== 0);
    const sum = terms.length <= 12 ? terms.map(number).join(" + ").replaceAll("+ −", "− ") || "0" : `the sum of ${terms.length} products`;
    return [`${sum} = `, value];
  }

  function backward() {
    const dZ = number(reply.arrays.dZ.values[step]);
    if (asked.operation === "maximum") return [`dZ = ${dZ} goes to the pixel that was the largest`];
    if (asked.operation === "average") return [`every pixel of the window gets its share of dZ = ${dZ}`];
    return [`dA += filter × ${dZ}, dW += window × ${dZ}, db += ${dZ}: db = `, h("b", {}, number(reply.arrays.db.values[step]))];
  }

  return {
    element: h("div.stack", {}, element, words), take, draw,
    /** The numbers of the filter, as lists. */
    weights: () => Array.from({ length: asked.size }, (_, i) => [...reply.arrays.weights.values.slice(i * asked.size, (i + 1) * asked.size)]),
    uses(on) {
      uses = on;
      draw(step, way);
    },
  };
}

/** The values of a tensor (steps, …) at `step`. */
function at3({ shape: [, ...rest], values }, step) {
  const size = rest.reduce((all, n) => all * n, 1);
  return [...values.slice(step * size, (step + 1) * size)];
}
