/** Arrays as pixels: a canvas has one pixel per element, and CSS enlarges it without smoothing. */

import { h } from "./dom.js";
import { rgb } from "./colour.js";
import { exact } from "./format.js";

/** A canvas of H×W pixels, shown `width` CSS pixels wide. */
export function canvas(H, W, width, properties = {}) {
  const made = h("canvas.pixels", { width: W, height: H, ...properties });
  if (width) made.style.width = `${width}px`;
  return made;
}

/**
 * One channel of an array (H, W, C), in the signed scale.
 * @param {HTMLCanvasElement} onto
 * @param {import("./api.js").Tensor} tensor
 */
export function map(onto, tensor, channel, most) {
  const [H, W, C] = tensor.shape;
  pixels(onto, H, W, (at) => rgb(tensor.values[at * C + channel], most));
}

/** A row of numbers, `columns` in a line. */
export function strip(onto, values, columns, most) {
  const rows = Math.ceil(values.length / columns);
  pixels(onto, rows, columns, (at) => (at < values.length ? rgb(values[at], most) : null));
}

/** A picture of bytes (H, W, C), grey or in colour. */
export function picture(onto, bytes, [H, W, C]) {
  pixels(onto, H, W, (at) => (C === 1 ? [bytes[at], bytes[at], bytes[at]] : bytes.subarray(3 * at, 3 * at + 3)));
}

/** A map (H, W) of 0 … 1 as an overlay: 0 is transparent, 1 opaque orange. */
export function glow(onto, values, H, W) {
  pixels(onto, H, W, (at) => [255, 106, 0, 225 * Math.max(0, Math.min(1, values[at])) ** 0.8]);
}

function pixels(onto, H, W, colour) {
  if (onto.width !== W || onto.height !== H) [onto.width, onto.height] = [W, H];
  const context = onto.getContext("2d");
  const image = context.createImageData(W, H);
  for (let at = 0; at < H * W; at++) {
    const found = colour(at);
    if (found) image.data.set([found[0], found[1], found[2], found[3] ?? 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

/** The colour scale with its ends, or without a number the meaning of its colours. */
export function legend(most) {
  const bar = canvas(1, 101, 96, { className: "pixels scale", ariaHidden: "true" });
  pixels(bar, 1, 101, (at) => rgb((at - 50) / 50, 1));
  const words = `Blue is negative, orange positive${most === undefined ? "" : `; the scale ends at ${exact(most)}`}.`;
  const [low, high] = most === undefined ? ["negative", "positive"] : [short(-most), `+${short(most)}`];
  return h("span.legend", { title: words, role: "img", "aria-label": words }, low, bar, high);
}

/** Three digits are enough for the ends of a scale. */
const short = (value) => exact(Number(value.toPrecision(3)));
