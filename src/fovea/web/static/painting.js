/** A photograph, a style, and the photograph painted in that style. */

import { byId, fill, h } from "./dom.js";
import { ask, base64, latest, read, send } from "./api.js";
import { number } from "./format.js";
import { roving, stop } from "./keys.js";
import { picture } from "./paint.js";
import { tabs } from "./tabs.js";
import * as slot from "./slot.js";

const EVERY = 400; // milliseconds between looks at a painting that is being optimised
const SLIDERS = [ // name, title, lowest, highest, step, initial value, text of a value
  ["strength", "strength", 0, 1, 0.05, 1, (value) => `${Math.round(100 * value)}%`],
  ["colour", "colours of the photograph", 0, 1, 0.05, 0, (value) => `${Math.round(100 * value)}%`],
  ["scale", "style scale", 0.5, 2, 0.1, 1, (value) => `${value.toFixed(1)}×`],
];

/**
 * photo: {values, shape} or null; mask: the same, of one channel. style: {number} of a trained one, or {values, shape} of a picture. painting:
 * as photo. running: the number of the painting in detail, or null; seen: its pictures that arrived.
 */
const state = { photo: null, mask: null, style: { number: 1 }, painting: null, running: null, seen: 0, strength: 1, colour: 0, scale: 1 };
let visible = false;
let tell, part, board, thumbs, status, knobs, optimise, save, next, look;

/** @param {(error: Error | null) => void} failed */
export function build(failed) {
  tell = failed;
  board = h("canvas.painting", { width: 4, height: 3, role: "img", "aria-label": "No painting yet" });
  thumbs = h("div.thumbs.styles", { role: "listbox", "aria-label": "Trained styles" });
  part = h("div");
  status = h("p.note", { role: "status" });
  optimise = h("button", { type: "button", onclick: toggle }, "Paint in detail");
  save = h("button", { type: "button", hidden: true, onclick: download }, "Save");
  knobs = h("div.line.knobs", {}, SLIDERS.map(slider));
  next = latest(() => (state.photo && state.running === null ? ask("paint", request()) : null), (reply) => {
    tell(null);
    show(reply.arrays.painting, "");
  }, failed);
  look = latest(() => (state.running === null ? null : read("painting", { number: state.running, seen: state.seen })), progress, failed);

  const photo = slot.build("photo", "photograph", (found) => {
    fill(part, mask(found));
    set({ photo: found, mask: null });
    sheet();
  }, failed);
  const own = slot.build("style", "painting", (found) => set({ style: found }), failed);
  fill(byId("painting"),
    h("div.columns", {},
      h("section.panel", { "aria-label": "Photograph" }, h("h2", {}, "Photograph"), photo, part),
      h("section.panel", { "aria-label": "Style" }, h("h2", {}, "Style"),
        tabs("style", "Source of the style", [["trained", "26 trained", h("div", {}, thumbs)], ["own", "A picture", own]])),
      h("section.panel", { "aria-label": "Painting" }, h("h2", {}, "Painting"), h("div.stage", {}, board), knobs,
        h("div.line", {}, optimise, save), status)));
  roving(thumbs, "button", { columns: () => 4, follow: true });
  set({});
  setInterval(() => visible && !document.hidden && look(), EVERY);
}

/** Sends requests only while visible. */
export function shown(yes) {
  visible = yes;
}

function set(parts) {
  Object.assign(state, parts);
  mark();
  if (state.running === null) next();
}

/** Brings buttons and words up to date with the state. */
function mark() {
  const own = "values" in state.style;
  optimise.disabled = !state.photo || (!own && state.running === null);
  optimise.title = own ? "By optimisation: a minute for 512 pixels" : "For the style of a picture";
  optimise.textContent = state.running === null ? "Paint in detail" : "Stop";
  for (const button of thumbs.children) button.setAttribute("aria-selected", String(Number(button.dataset.number) === state.style.number));
  if (!state.photo) status.textContent = "Choose a photograph first.";
}

function request() {
  const { photo, mask, style, strength, colour, scale } = state;
  return { photo: packed(photo), mask: mask && packed(mask), style: "values" in style ? packed(style) : style, strength, colour, scale };
}

const packed = ({ values, shape }) => ({ pixels: base64(values), height: shape[0], width: shape[1] });

/** A place for a mask of a photograph: a picture, or drawn on the photograph. */
function mask({ values, shape }) {
  const [height, width] = shape;
  const paper = h("canvas", { ariaHidden: "true" });
  picture(paper, values, shape);
  const drawn = { width, height, paper, inks: ["white"], pen: Math.max(width, height) / 12 };
  return h("details", {}, h("summary", {}, "Paint only a part"),
    h("p.note", {}, "White is painted; where a mask is black, the photograph stays."),
    slot.build("mask", "mask", (found) => set({ mask: found }), tell, { question: "mask", drawn }),
    h("button", { type: "button", onclick: () => (fill(part, mask(state.photo)), set({ mask: null })) }, "Paint all"));
}

/** Every trained style on the photograph, small. */
async function sheet() {
  const { arrays: { styles: { values, shape: [count, H, W, C] } } } = await ask("styles", { photo: packed(state.photo) });
  const size = H * W * C;
  fill(thumbs, Array.from({ length: count }, (_, at) => {
    const small = h("canvas", { width: W, height: H });
    picture(small, values.subarray(at * size, (at + 1) * size), [H, W, C]);
    const number = at + 1;
    return h("button", { type: "button", role: "option", data: { number: String(number) }, "aria-label": `style ${number}`,
      "aria-selected": String(number === state.style.number), onclick: () => set({ style: { number } }) }, small, h("span", {}, number));
  }));
  stop([...thumbs.children], thumbs.children[(state.style.number ?? 1) - 1]);
}

function show(painting, words) {
  state.painting = painting;
  const [H, W] = painting.shape;
  picture(board, painting.values, painting.shape);
  board.setAttribute("aria-label", `The painting, ${W} by ${H} pixels`);
  status.textContent = words;
  save.hidden = false;
}

function slider([name, title, min, max, step, value, text]) {
  const output = h("output", {}, text(value));
  const input = h("input", { type: "range", min, max, step, value, id: `paint-${name}`, oninput: () => {
    output.textContent = text(Number(input.value));
    set({ [name]: Number(input.value) });
  } });
  return h("label.knob", { for: `paint-${name}` }, h("span", {}, title, " ", output), input);
}

/** Starts or stops the painting by optimisation. */
async function toggle() {
  try {
    if (state.running === null) {
      const { answer } = await ask("paint-in-detail", request());
      status.textContent = "Starting.";
      set({ running: answer.number, seen: 0 });
    } else {
      await ask("stop-painting", { number: state.running });
    }
  } catch (error) {
    tell(error);
  }
}

function progress({ answer, arrays }) {
  if (answer.number !== state.running) return;
  state.seen = answer.pictures;
  const left = answer.left === null ? "" : `, ${seconds(answer.left)} left`;
  const words = answer.error ?? (answer.loss === null ? "Starting." : `loss ${number(answer.loss)}${answer.finished ? "" : left}`);
  if (arrays.painting) show(arrays.painting, words);
  status.textContent = words;
  if (!answer.finished) return;
  state.running = null;
  mark();
}

const seconds = (value) => (value < 90 ? `${Math.ceil(value)} s` : `${Math.round(value / 60)} min`);

function download() {
  board.toBlob((file) => {
    const href = URL.createObjectURL(file);
    h("a", { href, download: "painting.png" }).click();
    URL.revokeObjectURL(href);
  });
}
