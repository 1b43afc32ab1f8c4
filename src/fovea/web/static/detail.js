/** One layer: its maps and filters, or its gradients, and the arithmetic of one of their values. */

import { byId, fill, h } from "./dom.js";
import { ask, latest } from "./api.js";
import { times, plural } from "./format.js";
import { roving, stop } from "./keys.js";
import { legend } from "./paint.js";
import { label, now, on, scene, set } from "./store.js";
import { arithmetic } from "./arithmetic.js";
import { filterControls } from "./filter.js";
import { gallery } from "./gallery.js";
import { pixelMap } from "./pixelmap.js";

/** The input of a layer: one shape, or several. */
const inputs = (shape) => (Array.isArray(shape[0]) ? shape.map(times).join(" + ") : times(shape));

/** The views: name → [title, name of one of its maps]. All but the first are gradients. */
const VIEWS = {
  value: ["Forward", "map"],
  input: ["input", "channel"],
  weights: ["weights", "channel"],
  bias: ["bias", "bias"],
};

/** @param {any} model @param {(error: Error) => void} failed @param {(box: any) => void} see */
export function build(model, failed, see) {
  const layers = Object.fromEntries(model.layers.map((layer) => [layer.name, layer]));
  const head = h("div.detail-head");
  const scale = h("div.line.legend-line");
  const filters = filterControls(failed);
  const sum = arithmetic(filters.edit);
  const large = pixelMap((place) => set({ at: now.at.length === 3 ? [...place, now.at[2]] : place }));
  const page = { start: 0 };
  const small = gallery(choose, (by) => ((page.start = Math.max(0, page.start + by)), maps()));
  const column = columnChooser();
  const choice = h("div.choice", {}, h("div", {}, column.element, small.element), h("div.aside", {}, large.element, scale));
  fill(byId("detail"), head, choice,
    h("div.work", {}, sum.element, filters.element));

  const maps = latest(() => (now.layer && now.picture ? ask("layer", { ...question(), start: page.start }) : null), drawMaps, failed);
  const trace = latest(() => (now.layer && now.picture ? ask("trace", { ...question(), at: now.at }) : null), drawTrace, (error) => {
    sum.clear(error.message);
    see(null);
  });
  on("layer view", () => {
    page.start = 0;
    heading();
  });
  on("layer view column picture changes weights", () => maps());
  on("at layer view column picture changes weights", () => trace());
  on("at k", redraw);
  on("k", () => last && drawTrace(last));
  on("target probable label", () => now.view !== "value" && (heading(), maps(), trace()));

  let reply = null;
  let last = null;
  const question = () => ({ ...scene(), layer: now.layer, view: now.view, column: now.column, label: label() });

  function choose(channel) {
    if (now.view === "value") set({ at: [now.at[0], now.at[1], channel] });
    else if (now.view === "input" || now.view === "weights") set({ at: [now.at[0], now.at[1], channel], k: channel });
  }

  function heading() {
    const layer = layers[now.layer];
    const focused = head.contains(document.activeElement);
    const views = Object.keys(VIEWS).filter((view) => layer.views.includes(view));
    const field = layer.field ? `, each sees ${times(layer.field)} of the picture` : "";
    const text = `${layer.type}: ${inputs(layer.input_shape)} → ${times(layer.output_shape)}${layer.parameters ? `, ${plural(layer.parameters, "parameter")}` : ""}${field}`;
    const name = label() === null ? "" : model.classes[label()];
    fill(head, h("h2", {}, layer.name, h("small", {}, text)), switcher(views), h("a.back", { href: "#flow" }, "Back to the layers"),
      now.view !== "value" && h("p.note", {}, `Gradients are of the loss of class ${name}; choose another class beside the picture.`));
    if (focused) head.querySelector("[aria-checked=true]").focus();
    column.show(layer);
    if (layer.presets) filters.known(layer.presets);
  }

  function switcher(views) {
    const buttons = views.map((view) => h("button", { type: "button", role: "radio", "aria-checked": String(view === now.view),
      "aria-label": view === "value" ? null : `Gradient of the ${view}`, onclick: () => set({ view, at: layers[now.layer].middles[view], column: 0, k: 0 }) }, VIEWS[view][0]));
    const group = h("div.switch", { role: "radiogroup", "aria-label": "Forward, or backward to a gradient" }, buttons[0], buttons.length > 1 && h("span", { ariaHidden: "true" }, "gradient:"), buttons.slice(1));
    roving(group, "button", { follow: true });
    stop(buttons, buttons[views.indexOf(now.view)]);
    return group;
  }

  /** The choice of the filter for gradients by weights. */
  function columnChooser() {
    const input = h("input", { type: "number", min: 0, step: 1, onchange: () => set({ column: Math.max(0, Math.min(Number(input.max), Math.round(Number(input.value)) || 0)) }) });
    const name = h("span");
    const element = h("label.column", {}, name, input);
    return { element, show: (layer) => {
      fill(name, layer.presets ? "of filter" : "of unit");
      element.hidden = now.view !== "weights";
      input.max = String(layer.output_shape.at(-1) - 1);
      input.value = String(now.column);
    } };
  }

  function drawMaps(found) {
    if (found.answer.layer !== now.layer || found.answer.view !== now.view) return;
    reply = found;
    redraw();
  }

  function redraw() {
    if (!reply || reply.answer.layer !== now.layer || reply.answer.view !== now.view) return;
    const { answer, arrays: { maps: tensor, W, b } } = reply;
    const most = Math.max(-answer.least, answer.most);
    const flat = tensor.shape.length === 1;
    const [, one] = VIEWS[now.view];
    const channel = flat ? 0 : now.at[2];
    small.element.hidden = flat || (answer.total === 1 && !W);
    choice.classList.toggle("flat", small.element.hidden);
    if (!flat) small.draw({ layer: now.layer, name: one, maps: tensor, W, start: answer.start, total: answer.total, chosen: channel, k: now.k, most });
    const within = channel - answer.start;
    if (flat || (within >= 0 && within < tensor.shape[2])) large.draw(tensor, within, now.at, most, `${now.layer}, ${one} ${channel}`);
    fill(scale, legend(most));
    filters.element.hidden = !W;
    if (W && within >= 0 && within < W.shape[3]) filters.draw(now.layer, channel, W, b, within);
  }

  function drawTrace(found) {
    const { step, field, view } = found.answer;
    if (step.layer !== now.layer || view !== now.view) return;
    last = found;
    sum.draw(step, now.view === "value" && Boolean(layers[now.layer].presets));
    see(field);
  }
}
