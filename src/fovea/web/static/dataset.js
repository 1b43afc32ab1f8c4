/** Pictures of the data set to choose from, a page at a time. */

import { fill, h } from "./dom.js";
import { latest, read } from "./api.js";
import { count } from "./format.js";
import { inLine, roving, stop } from "./keys.js";
import { canvas, picture } from "./paint.js";
import { set } from "./store.js";

const PAGE = 24;
let first = true;

export function build(model, failed) {
  const parts = Object.keys(model.data.parts);
  const at = { part: parts.includes("test") ? "test" : parts[0], label: null, start: 0 };
  const grid = h("div.thumbs", { role: "listbox", "aria-label": "Pictures of the data set" });
  const where = h("span.where", { "aria-live": "polite" });
  const turn = (by) => () => {
    at.start = Math.max(0, at.start + by);
    next();
  };
  const [back, on] = [h("button", { type: "button", "aria-label": "Previous pictures", onclick: turn(-PAGE) }, "‹"),
    h("button", { type: "button", "aria-label": "Next pictures", onclick: turn(PAGE) }, "›")];
  const next = latest(() => read("pictures", { ...at, count: PAGE }), (reply) => {
    const { numbers, labels, total } = reply.answer;
    fill(where, total ? `${count(at.start + 1)}–${count(Math.min(at.start + PAGE, total))} of ${count(total)}` : "none");
    [back.disabled, on.disabled] = [at.start === 0, at.start + PAGE >= total];
    show(grid, model, reply.arrays.pictures, numbers, labels);
  }, failed);
  roving(grid, "button", { columns: () => inLine([...grid.children]) });
  const choose = (name, options, chosen) =>
    h("select", { "aria-label": name, onchange: (event) => chosen(event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: value === at.part }, text)));
  const classes = [["", "all classes"], ...model.data.classes.map((name, number) => [String(number), name])];
  next();
  return h("div.dataset", {},
    h("div.line", {},
      choose("Part", parts.map((part) => [part, part]), (part) => (Object.assign(at, { part, start: 0 }), next())),
      choose("Class", classes, (label) => (Object.assign(at, { label: label === "" ? null : label, start: 0 }), next()))),
    grid, h("div.line", {}, back, where, on));
}

function show(grid, model, { shape, values }, numbers, labels) {
  const [, H, W, C] = shape;
  const size = H * W * C;
  const names = model.data.classes;
  const buttons = numbers.map((number, i) => {
    const bytes = values.slice(i * size, (i + 1) * size);
    const small = canvas(H, W, 0, { ariaHidden: "true" });
    picture(small, bytes, [H, W, C]);
    const label = model.classes.indexOf(names[labels[i]]);
    const choose = () => {
      for (const other of buttons) other.setAttribute("aria-selected", String(other === button));
      set({ picture: bytes, label: label < 0 ? null : label, target: null });
    };
    const button = h("button", { type: "button", role: "option", "aria-selected": "false",
      "aria-label": `Number ${number}, ${names[labels[i]]}`, title: names[labels[i]], onclick: choose }, small);
    return button;
  });
  fill(grid, buttons);
  if (buttons.length) stop(buttons, buttons[0]);
  if (first && buttons.length) buttons[0].click();
  first = false;
}
