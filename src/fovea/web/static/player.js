/** Playback of steps, with buttons, a slider and keys. */

import { fill, h, svg } from "./dom.js";

const ICONS = {
  "First step": "M2 4h2v12H2zM11 4v12l-7-6zM18 4v12l-7-6z", "Step back": "M4 4h2v12H4zM15 4v12l-9-6z", "Play": "M6 3.5v13l10-6.5z",
  "Pause": "M5 4h3.5v12H5zM11.5 4H15v12h-3.5z", "Step forward": "M5 4v12l9-6zM14 4h2v12h-2z",
};
const SPEEDS = [["1400", "slow"], ["700", "normal"], ["250", "fast"]]; // milliseconds per step

/** @param {(step: number) => void} draw */
export function player(draw) {
  let step = 0, count = 1, timer = 0;
  const button = (name, act) => h("button", { type: "button", "aria-label": name, title: name, onclick: act }, icon(name));
  const toggle = button("Play", () => (timer ? pause() : play()));
  const slider = h("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "Step", oninput: () => go(Number(slider.value)) });
  const where = h("output.where");
  const speed = h("select", { "aria-label": "Speed", onchange: () => timer && (pause(), play()) },
    SPEEDS.map(([value, text]) => h("option", { value, selected: text === "normal" }, text)));
  const element = h("div.player.line", { role: "group", "aria-label": "Steps" },
    button("First step", () => go(0)), button("Step back", () => (pause(), go(step - 1))), toggle,
    button("Step forward", () => (pause(), go(step + 1))), slider, where, speed,
    h("small", {}, "Keys: space plays and pauses, ← → step."));

  document.addEventListener("keydown", (event) => {
    if (!element.offsetParent || /** @type {any} */ (event.target).closest("input, select, button, [role=tablist], [role=radiogroup]")) return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " ") timer ? pause() : play();
    else if (event.key === "ArrowRight") (pause(), go(step + 1));
    else if (event.key === "ArrowLeft") (pause(), go(step - 1));
    else return;
    event.preventDefault();
  });

  function go(to) {
    step = Math.max(0, Math.min(count - 1, to));
    slider.value = String(step);
    where.textContent = `${step + 1} of ${count}`;
    draw(step);
  }
  function play() {
    if (step === count - 1) go(0);
    timer = setInterval(() => (step < count - 1 ? go(step + 1) : pause()), Number(speed.value));
    label("Pause");
  }
  function pause() {
    clearInterval(timer);
    timer = 0;
    label("Play");
  }
  function label(name) {
    toggle.setAttribute("aria-label", name);
    toggle.title = name;
    fill(toggle, icon(name));
  }
  return {
    element, pause, redraw: () => go(step),
    /** Sets the number of steps. */
    length(n) {
      count = n;
      slider.max = String(n - 1);
      go(Math.min(step, n - 1));
    },
  };
}

const icon = (name) => svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true", class: "icon" }, svg("path", { d: ICONS[name] }));
