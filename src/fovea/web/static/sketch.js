/** Drawing with mouse, finger, pen or keys. The drawing is uploaded like any other picture. */

import { h } from "./dom.js";
import { latest } from "./api.js";
import { roving, stop, way } from "./keys.js";

const STEP = 4; // of the keyboard's pen

/**
 * @param {{width: number, height: number, paper: string | HTMLCanvasElement, inks: string[], pen: number}} how  colours
 *   in CSS, or a picture to draw on, which is no part of the drawing; pen: its width
 * @param {(file: Blob | null) => Promise<void>} upload  null for an empty drawing on a picture
 */
export function build({ width, height, paper, inks, pen: thick }, upload, failed) {
  const over = typeof paper !== "string";
  let [ink] = inks;
  const board = h("canvas.sketch", { width, height, tabIndex: 0, role: "application", "aria-roledescription": "drawing",
    "aria-label": "Drawing: arrow keys move the pen, space sets it down or lifts it, Delete clears" });
  const context = board.getContext("2d", { willReadFrequently: true });
  const pen = { x: width / 2, y: height / 2, down: false };
  const mark = h("span.pen", { ariaHidden: "true" });
  let empty = over;
  const next = latest(() => (empty ? upload(null) : blob(board).then(upload)), () => {}, failed);

  const blank = () => {
    if (over) return context.clearRect(0, 0, width, height);
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
  };
  const clear = () => {
    blank();
    empty = over;
    next();
  };
  const line = (x, y) => {
    Object.assign(context, { strokeStyle: ink, lineWidth: thick, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x + 0.01, y);
    context.stroke();
    move(x, y);
    empty = false;
    next();
  };
  const move = (x, y) => {
    [pen.x, pen.y] = [Math.max(0, Math.min(width, x)), Math.max(0, Math.min(height, y))];
    Object.assign(mark.style, { left: `${(100 * pen.x) / width}%`, top: `${(100 * pen.y) / height}%` });
    mark.classList.toggle("down", pen.down);
  };
  const place = (event) => {
    const box = board.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  };

  board.addEventListener("pointerdown", (event) => {
    board.setPointerCapture(event.pointerId);
    pen.down = true;
    move(...place(event));
    line(...place(event));
  });
  board.addEventListener("pointermove", (event) => {
    if (!board.hasPointerCapture(event.pointerId)) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) line(...place(part));
    if (!event.getCoalescedEvents?.().length) line(...place(event));
  });
  board.addEventListener("pointerup", () => ((pen.down = false), move(pen.x, pen.y)));
  board.addEventListener("keydown", (event) => {
    const step = way(event);
    if (step) (pen.down ? line : move)(pen.x + step[1] * STEP, pen.y + step[0] * STEP);
    else if (event.key === " ") ((pen.down = !pen.down), (pen.down ? line : move)(pen.x, pen.y));
    else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
  });
  blank();
  move(pen.x, pen.y);
  return h("div.draw", {}, h("div.easel", {}, over && paper, board, mark), inks.length > 1 && palette(inks, (chosen) => (ink = chosen)),
    h("div.line", {}, h("button", { type: "button", onclick: clear }, "Clear"),
      h("small", {}, "Mouse or finger; or arrow keys, and space for the pen.")));
}

/** One button for each ink. */
function palette(inks, choose) {
  const buttons = inks.map((ink) => {
    const button = h("button.ink", { type: "button", role: "radio", "aria-label": ink, onclick: () => mark(button) });
    button.style.background = ink;
    return button;
  });
  const mark = (chosen) => {
    for (const button of buttons) button.setAttribute("aria-checked", String(button === chosen));
    stop(buttons, chosen);
    choose(inks[buttons.indexOf(chosen)]);
  };
  const group = h("div.line.inks", { role: "radiogroup", "aria-label": "Ink" }, buttons);
  roving(group, "button", { follow: true });
  mark(buttons[0]);
  return group;
}

const blob = (board) => new Promise((done) => board.toBlob(done, "image/png"));
