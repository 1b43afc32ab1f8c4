/** Drawing with mouse, finger, pen or keys. The drawing is uploaded like any other picture. */

import { h } from "./dom.js";
import { latest } from "./api.js";
import { way } from "./keys.js";

const SIDE = 280; // pixels of the drawing
const STEP = 4; // of the keyboard's pen

/** @param {(file: Blob) => Promise<void>} upload */
export function build(model, upload, failed) {
  const [H, W] = model.input_shape;
  const [width, height] = H > W ? [Math.round((SIDE * W) / H), SIDE] : [SIDE, Math.round((SIDE * H) / W)];
  const board = h("canvas.sketch", { width, height, tabIndex: 0, role: "application", "aria-roledescription": "drawing",
    "aria-label": "Drawing: arrow keys move the pen, space sets it down or lifts it, Delete clears" });
  const context = board.getContext("2d", { willReadFrequently: true });
  const [paper, ink] = model.dark ? ["#000", "#fff"] : ["#fff", "#000"];
  const pen = { x: width / 2, y: height / 2, down: false };
  const mark = h("span.pen", { ariaHidden: "true" });
  const next = latest(() => blob(board).then(upload), () => {}, failed);

  const clear = () => {
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    next();
  };
  const line = (x, y) => {
    Object.assign(context, { strokeStyle: ink, lineWidth: Math.min(width, height) / 11, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x + 0.01, y);
    context.stroke();
    move(x, y);
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
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  move(pen.x, pen.y);
  return h("div.draw", {}, h("div.easel", {}, board, mark),
    h("div.line", {}, h("button", { type: "button", onclick: clear }, "Clear"),
      h("small", {}, "Mouse or finger; or arrow keys, and space for the pen.")));
}

const blob = (board) => new Promise((done) => board.toBlob(done, "image/png"));
