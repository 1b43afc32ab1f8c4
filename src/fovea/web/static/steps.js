/** A window that moves over a small grid, step by step, forward and backward. */

import { byId, fill, h } from "./dom.js";
import { ask, latest } from "./api.js";
import { number } from "./format.js";
import { roving, stop } from "./keys.js";
import { board } from "./stepboard.js";
import { player } from "./player.js";

const OPERATIONS = [["convolution", "Convolution"], ["maximum", "Max pooling"], ["average", "Average pooling"]];
const WAYS = [["forward", "Forward"], ["backward", "Backward"]];
const INPUTS = [["edge", "an edge"], ["line", "a line"], ["numbers", "counting"], ["random", "random"]];
const SIZES = [["side", "Picture n", 2, 12], ["size", "Window f", 1, 7], ["stride", "Stride s", 1, 6], ["padding", "Padding p", 0, 6]];

const asked = { operation: "convolution", input: "edge", side: 6, size: 3, stride: 1, padding: 0, weights: "vertical" };
let way = "forward";
let play;

/** @param {any} model @param {(error: Error | null) => void} tell */
export function build(model, tell) {
  const problem = h("p.note", { role: "status" });
  const formula = h("p.formula");
  const grids = board((at, value) => {
    const weights = grids.weights();
    weights[Math.floor(at / asked.size)][at % asked.size] = value;
    asked.weights = weights;
    filter.value = "";
    next();
  });
  play = player((step) => grids.draw(step, way));
  const next = latest(() => ask("steps", asked), (reply) => {
    fill(problem);
    tell(null);
    fill(formula, ...size(reply.answer));
    grids.take(reply, asked);
    play.length(reply.answer.steps);
  }, (error) => fill(problem, error.message));

  const filter = h("select", { "aria-label": "Filter", onchange: () => filter.value && ((asked.weights = filter.value), next()) });
  const filters = () => {
    const names = model.presets[asked.size] ?? [];
    if (typeof asked.weights !== "string" || !names.includes(asked.weights))
      asked.weights = names.includes("vertical") ? "vertical" : plain(asked.size);
    fill(filter, h("option", { value: "" }, "as typed"), names.map((name) => h("option", { value: name, selected: name === asked.weights }, name)));
    filter.parentElement?.toggleAttribute("hidden", asked.operation !== "convolution");
  };
  const change = (name, value) => {
    asked[name] = value;
    if (name === "size" || name === "operation") filters();
    next();
  };
  const uses = h("input", { type: "checkbox", id: "uses", onchange: () => grids.uses(uses.checked) });
  fill(byId("steps"), h("h2", {}, "Windows, step by step"),
    h("div.line.spread", {},
      choice("Operation", OPERATIONS, () => asked.operation, (value) => change("operation", value)),
      choice("Direction", WAYS, () => way, (value) => ((way = value), play.redraw()))),
    h("div.line.knobs", {}, SIZES.map((knob) => slider(knob, change)),
      labelled("Input", h("select", { onchange: (event) => change("input", event.target.value) }, INPUTS.map(([value, text]) => h("option", { value }, text)))),
      labelled("Filter", filter),
      h("label.check", {}, uses, "how many windows use each pixel")),
    formula, problem, grids.element, play.element);
  filters();
  next();
}

/** Pauses when hidden; redraws when shown, since hidden elements have no size. */
export function shown(visible) {
  if (visible) play?.redraw();
  else play?.pause();
}

function choice(name, options, current, chosen) {
  const buttons = options.map(([value, text]) => h("button", { type: "button", role: "radio", data: { value }, onclick: () => {
    chosen(value);
    mark();
  } }, text));
  const mark = () => {
    for (const button of buttons) button.setAttribute("aria-checked", String(button.dataset.value === current()));
    stop(buttons, buttons.find((button) => button.dataset.value === current()));
  };
  const group = h("div.switch", { role: "radiogroup", "aria-label": name }, buttons);
  roving(group, "button", { follow: true });
  mark();
  return group;
}

function slider([name, text, least, most], change) {
  const output = h("output", {}, String(asked[name]));
  const input = h("input", { type: "range", min: least, max: most, step: 1, value: asked[name], "aria-label": text,
    oninput: () => ((output.textContent = input.value), change(name, Number(input.value))) });
  return h("label.knob", {}, h("span", {}, text, " ", output), input);
}

const labelled = (text, control) => h("label.knob", {}, h("span", {}, text), control);

/** A filter of ones, if no known one fits. */
const plain = (size) => Array.from({ length: size }, () => Array(size).fill(1));

/** "⌊(n + 2p − f) / s⌋ + 1 = ⌊(6 + 0 − 3) / 1⌋ + 1 = 4" */
function size({ output }) {
  const { side: n, padding: p, size: f, stride: s } = asked;
  return [h("span", {}, "positions along a side  "), h("code", {}, "⌊(n + 2p − f) / s⌋ + 1"), " = ",
    h("code", {}, `⌊(${n} + ${number(2 * p)} − ${f}) / ${s}⌋ + 1`), " = ", h("b", {}, String(output[0]))];
}
