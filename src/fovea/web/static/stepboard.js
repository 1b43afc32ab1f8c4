/** The grids of one step: the picture with its padding and the window on it, the filter, what comes out. */

import { fill, h } from "./dom.js";
import { largest } from "./colour.js";
import { number } from "./format.js";
import { numbers } from "./grid.js";

/** @param {(at: number, value: number, columns: number) => void} edit  of a weight */
export function board(edit) {
  const element = h("div.grids.board");
  const words = h("p.total", { "aria-live": "polite" });
  let reply, shape, way, step = 0, uses = false;
  /** @type {any} */
  let parts = {};

  function take(found, asked) {
    reply = found;
    const f = asked.size;
    const next = JSON.stringify([asked.operation, asked.side, f, asked.stride, asked.padding]);
    if (next !== shape) build(asked, f, next);
  }

  function build({ operation, side, padding, size }, f, key) {
    shape = key;
    const [n] = reply.answer.output;
    const wide = side + 2 * padding;
    parts = { side, padding, f, n, wide, operation, picture: numbers(wide, wide, { name: "Picture with its padding" }),
      filter: operation === "convolution" ? numbers(f, f, { name: "Filter", edit: (at, value) => edit(at, value, size) }) : null,
      output: numbers(n, n, { name: "Output" }),
      dW: operation === "convolution" ? numbers(f, f, { name: "Gradient of the weights" }) : null };
    parts.titles = Object.fromEntries(["picture", "filter", "output", "dW"].map((name) => [name, h("figcaption")]));
    const figure = (name) => parts[name] && h("figure", { data: { part: name } }, parts.titles[name], h("div.scroll", {}, parts[name].element));
    fill(element, figure("picture"), figure("filter"), figure("output"), figure("dW"));
  }

  function draw(at, direction) {
    [step, way] = [at, direction];
    if (!reply) return;
    const { arrays, answer } = reply;
    const back = way === "backward";
    const { n, f, titles } = parts;
    const [h0, w0] = [Math.floor(step / n), step % n];
    const until = Array.from({ length: n * n }, (_, t) => t <= step);
    const current = Array.from({ length: n * n }, (_, t) => t === step);
    drawPicture(h0 * answer.stride[0], w0 * answer.stride[1], back);
    parts.filter?.update([...arrays.weights.values]);
    const values = back ? arrays.dZ.values : arrays.output.values;
    parts.output.update([...values], { most: largest(values), mark: current, blank: back ? undefined : until.map((seen) => !seen), dim: back ? until.map((seen) => !seen) : undefined });
    const dW = element.querySelector("[data-part=dW]");
    if (dW) dW.hidden = !back;
    parts.dW?.update(at3(arrays.dW, step), { most: largest(arrays.dW.values) });
    fill(titles.picture, uses ? "windows that use each pixel" : back ? "dA, the gradient of the picture" : "picture");
    fill(titles.filter, "filter: type to change it");
    fill(titles.output, back ? "dZ, what comes from above" : "output");
    fill(titles.dW, "dW, the gradient of the filter");
    fill(words, ...(back ? backward() : forward()));
    void f;
  }

  function drawPicture(top, left, back) {
    const { side, padding, wide, f } = parts;
    const source = uses ? reply.arrays.uses.values : back ? at3(reply.arrays.dA, step) : reply.arrays.input.values;
    const scale = uses ? source : back ? reply.arrays.dA.values : source;
    const [values, inside, mark] = [[], [], []];
    const winner = reply.arrays.winner.values[step];
    for (let at = 0; at < wide * wide; at++) {
      const [y, x] = [Math.floor(at / wide), at % wide];
      const [row, column] = [y - padding, x - padding];
      inside.push(row >= 0 && column >= 0 && row < side && column < side);
      values.push(inside[at] ? source[row * side + column] : 0);
      mark.push(y >= top && y < top + f && x >= left && x < left + f);
    }
    const won = winner >= 0 ? (top + Math.floor(winner / f)) * wide + left + (winner % f) : undefined;
    parts.picture.update(values, { most: largest(scale), inside, mark, winner: won, padding: parts.operation === "convolution" ? "0" : "·" });
  }

  function forward() {
    const { arrays } = reply;
    const inside = at3(arrays.inside, step);
    const products = at3(arrays.products, step).filter((_, at) => inside[at]);
    const value = h("b", {}, number(arrays.output.values[step]));
    if (parts.operation === "maximum") return [`the largest of ${at3(arrays.left, step).filter((_, at) => inside[at]).map(number).join(", ")} is `, value];
    const terms = products.filter((product) => product !== 0);
    const shown = terms.length <= 12 ? terms.map(number).join(" + ").replaceAll("+ −", "− ") || "0" : `the sum of ${terms.length} products`;
    return [`${shown} = `, value];
  }

  function backward() {
    const dZ = number(reply.arrays.dZ.values[step]);
    if (parts.operation === "maximum") return [`dZ = ${dZ} goes to the pixel that was the largest`];
    if (parts.operation === "average") return [`every pixel of the window gets its share of dZ = ${dZ}`];
    return [`dA += filter × ${dZ},  dW += window × ${dZ},  db += ${dZ}, now `, h("b", {}, number(reply.arrays.db.values[step]))];
  }

  return {
    element: h("div.stack", {}, element, words), take, draw,
    weights: () => [...Array(parts.f)].map((_, i) => [...reply.arrays.weights.values.slice(i * parts.f, (i + 1) * parts.f)]),
    uses(on) {
      uses = on;
      draw(step, way);
    },
  };
}

/** What stands at `step` of a tensor (steps, …). */
function at3({ shape: [, ...rest], values }, step) {
  const size = rest.reduce((all, n) => all * n, 1);
  return [...values.slice(step * size, (step + 1) * size)];
}
