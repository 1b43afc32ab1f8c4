/** The network's input picture, its overlays, and the prediction. */

import { byId, fill, h } from "./dom.js";
import { latest, ask } from "./api.js";
import { largest } from "./colour.js";
import { percent } from "./format.js";
import { roving, stop } from "./keys.js";
import { canvas, glow, picture } from "./paint.js";
import { label, now, on, scene, set } from "./store.js";
import * as sources from "./sources.js";

const SIDE = 232; // CSS pixels
const MOST = 10; // classes that are listed
const OVERLAYS = [["picture", "Picture"], ["gradcam", "Grad-CAM"], ["saliency", "Saliency"]];
let model, plain, light, frame, answer, asked, found;

/** @param {any} described the answer to "model" */
export function build(described, failed) {
  model = described;
  const [H, W] = model.input_shape;
  [plain, light] = [canvas(H, W, SIDE, { role: "img" }), canvas(H, W, SIDE, { className: "pixels light", ariaHidden: "true" })];
  frame = h("div.frame", { hidden: true });
  const stage = h("div.stage", {}, plain, light, frame);
  stage.style.width = `${SIDE}px`;
  answer = h("div.answer", { "aria-live": "polite" });
  const title = h("h2", {}, "Picture", h("small", { id: "origin" }));
  byId("sight").style.setProperty("--name", `${Math.min(10, Math.max(...model.classes.map((name) => name.length), 1))}ch`);
  found = h("p.note.found", { role: "status" });
  fill(byId("sight"), title, stage, model.classes.length > 0 && overlays(), found, answer, sources.build(model, failed));
  asked = latest(() => (now.overlay === "picture" ? null : ask("attention", { ...scene(), how: now.overlay, label: label() })), shine, failed);
  on("picture", () => {
    picture(plain, now.picture, model.input_shape);
    plain.setAttribute("aria-label", `The picture, ${W} by ${H} pixels${now.label === null ? "" : `, a ${model.classes[now.label]}`}`);
    byId("origin").textContent = now.label === null ? "" : `is ${model.classes[now.label]}`;
  });
  on("picture changes overlay target weights", () => {
    light.hidden = found.hidden = now.overlay === "picture";
    asked();
  });
}

/** Draws the answer to "overview". */
export function draw({ answer: said }) {
  const p = said.probabilities;
  if (!p) return;
  const order = [...p.keys()];
  if (p.length > MOST) order.sort((a, b) => p[b] - p[a]);
  const best = p.indexOf(Math.max(...p));
  if (best !== now.probable) set({ probable: best });
  const shown = order.slice(0, MOST);
  const focused = answer.querySelector(":focus")?.dataset.number;
  const list = h("ul.classes", { "aria-label": "Probabilities; choose a class to explain it" },
    shown.map((number) => classRow(number, p[number], best)));
  roving(list, "button");
  const heading = h("p.verdict", {}, h("b", {}, model.classes[best]), h("span", {}, percent(p[best])),
    now.label !== null && now.label !== best && h("span.wrong", {}, `is ${model.classes[now.label]}`));
  fill(answer, heading, list);
  const buttons = [...list.querySelectorAll("button")];
  const kept = buttons.find((button) => button.dataset.number === focused);
  stop(buttons, kept ?? buttons[shown.indexOf(best)] ?? buttons[0]);
  kept?.focus();
}

/** Frames the receptive field of a value: [top, left, bottom, right], or null. */
export function see(box) {
  frame.hidden = !box;
  if (!box) return;
  const [H, W] = model.input_shape;
  const [top, left, bottom, right] = box;
  const share = (part, all) => `${(100 * part) / all}%`;
  Object.assign(frame.style, { top: share(top, H), left: share(left, W), height: share(bottom - top, H), width: share(right - left, W) });
}

function classRow(number, p, best) {
  const pressed = now.target === number;
  const bar = h("span.bar");
  bar.style.width = `${100 * p}%`;
  const choose = () => set({ target: pressed ? null : number });
  const button = h("button", { type: "button", "aria-pressed": String(pressed), data: { number: String(number) }, onclick: choose },
    h("span.name", {}, model.classes[number]), h("span.track", {}, bar), h("span.share", {}, percent(p)));
  return h("li", { className: number === best ? "best" : "" }, button);
}

function overlays() {
  const buttons = OVERLAYS.map(([value, text]) =>
    h("button", { type: "button", role: "radio", data: { value }, onclick: () => set({ overlay: value }) }, text));
  const group = h("div.switch", { role: "radiogroup", "aria-label": "Over the picture" }, buttons);
  const mark = () => {
    for (const button of buttons) button.setAttribute("aria-checked", String(button.dataset.value === now.overlay));
    stop(buttons, buttons.find((button) => button.dataset.value === now.overlay));
  };
  roving(group, "button", { follow: true });
  on("overlay", mark);
  mark();
  return group;
}

function shine({ arrays }) {
  const { shape: [H, W], values } = arrays.attention;
  const most = largest(values);
  glow(light, values.map((value) => value / (most || 1)), H, W);
  const name = model.classes[label()];
  found.textContent = most > 0 ? `Orange: evidence for ${name}.` : `No evidence for ${name} in this picture.`;
  light.hidden = found.hidden = now.overlay === "picture";
}
