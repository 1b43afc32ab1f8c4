/** The list of layers with thumbnails of their maps. Arrow keys move through it. */

import { byId, fill, h } from "./dom.js";
import { count, number, plural, times } from "./format.js";
import { roving, stop } from "./keys.js";
import { canvas, legend, map, strip } from "./paint.js";
import { isChanged, now, on, set } from "./store.js";

const WIDE = 46; // CSS pixels of a map as large as the picture
const LINE = 60; // numbers per line of a flat layer
let rows = {};
const scale = h("span"); // redrawn with every answer: the theme may have changed

/** Lists the layers of `model`; `draw` fills them. */
export function build(model) {
  rows = Object.fromEntries(model.layers.map((layer) => [layer.name, row(layer, model)]));
  const list = h("ol.layers", { "aria-label": "Layers, from the picture to the prediction" }, Object.values(rows).map((r) => r.item));
  fill(byId("flow"), h("h2", {}, "Network", h("small", {}, plural(model.parameters, "parameter")), scale), list);
  roving(list, ".layer-name");
  stop(Object.values(rows).map((r) => r.button), rows[model.layers[0].name].button);
  on("layer changes", mark);
}

/** Draws the answer to "overview". @param {import("./api.js").Reply} reply */
export function draw({ answer, arrays }) {
  fill(scale, legend());
  for (const [name, tensor] of Object.entries(arrays)) {
    const { canvases, columns, end } = rows[name];
    if (tensor.shape.length === 3) canvases.forEach((one, channel) => map(one, tensor, channel, 127));
    else strip(canvases[0], tensor.values, columns, 127);
    end.textContent = `±${number(answer.largest[name])}`;
  }
}

function row(layer, model) {
  const [H, W, C] = layer.output_shape;
  const isMap = layer.output_shape.length === 3;
  const columns = isMap ? 0 : Math.min(H, LINE);
  const canvases = isMap ? maps(layer, Math.sqrt(H / model.input_shape[0]) * WIDE) : [values(H, columns, layer)];
  const choose = (at) => {
    set({ layer: layer.name, view: "value", at, column: 0, k: 0 });
    const detail = byId("detail");
    if (detail.getBoundingClientRect().top > innerHeight / 2) detail.scrollIntoView({ block: "start" });
  };
  const middle = isMap ? [H >> 1, W >> 1, 0] : [0];
  const button = h("button.layer-name", { type: "button", onclick: () => choose(now.layer === layer.name ? now.at : middle) },
    h("b", {}, layer.name), words(layer).map((part) => h("span", {}, part)), h("span.changed", { hidden: true }, "changed"));
  canvases.forEach((one, channel) =>
    one.addEventListener("click", () => choose(isMap ? [...middle.slice(0, 2), channel] : [0])));
  const more = isMap && C > canvases.length ? h("span.more", {}, `and ${count(C - canvases.length)} more`) : null;
  const end = h("span.end", { title: "The largest magnitude, the end of the colour scale" });
  const item = h("li.layer", {}, h("div.layer-head", {}, button, end), h("div.maps", {}, canvases, more));
  return { item, button, canvases, columns, end, layer };
}

function maps(layer, width) {
  const [H, W, C] = layer.output_shape;
  return Array.from({ length: Math.min(C, 16) }, (_, channel) =>
    canvas(H, W, Math.max(14, Math.round(width)), { title: `${layer.name}, map ${channel}`, ariaHidden: "true" }));
}

function values(n, columns, layer) {
  const shown = Math.min(n, 1024);
  const made = canvas(Math.ceil(shown / columns), columns, 0, { title: `${layer.name}, ${plural(n, "value")}`, ariaHidden: "true" });
  made.classList.add("strip");
  made.style.width = `${columns * (n <= 20 ? 14 : 5)}px`;
  return made;
}

/** Shorter names of types, empty if the layer's name already says it. */
const SHORT = { Conv2D: "", ReLU: "", LeakyReLU: "", Clip: "", Sigmoid: "", Tanh: "", SiLU: "", ELU: "", CELU: "", SELU: "", GELU: "", HardSigmoid: "", HardSwish: "", ThresholdedReLU: "", Mish: "", Softplus: "", LogSigmoid: "", Softsign: "", Tanhshrink: "", PReLU: "", Softmax: "", LogSoftmax: "", Upsample2D: "", Dense: "", Flatten: "", Dropout: "", MaxPool2D: "max", AveragePool2D: "average", GlobalAveragePool2D: "average of all" };

/** "5×5, padding 2", "of relu1", "→ 28×28×6" */
function words(layer) {
  const { window, type, output_shape: shape } = layer;
  const parts = [];
  if (window && type !== "GlobalAveragePool2D") parts.push(times(window.size));
  if (window && Math.max(...window.stride) > 1 && times(window.stride) !== times(window.size)) parts.push(`stride ${window.stride[0]}`);
  if (window && Math.max(...window.dilation) > 1) parts.push(`dilation ${Math.max(...window.dilation)}`);
  if (window && Math.max(...window.pads) > 0) parts.push(`padding ${Math.max(...window.pads)}`);
  const of = layer.of.length ? `of ${layer.of.join(", ")}` : "";
  return [`${SHORT[type] ?? type} ${parts.join(", ")}`.trim(), of, `→ ${times(shape)}`].filter(Boolean);
}

function mark() {
  for (const { item, button, layer } of Object.values(rows)) {
    const chosen = layer.name === now.layer;
    item.classList.toggle("chosen", chosen);
    if (chosen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    button.querySelector(".changed").hidden = !isChanged(layer.name);
  }
}

