/**
 * What one browser looks at. It lives in this page alone; each question takes along what it depends on.
 *
 * picture: bytes (H, W, C) as the network takes them in. label: its class, where that is known.
 * changes: filters changed by hand, {layer: {filter: {weights, bias}}}. weights: "model", or "run".
 * layer, view, at: what is chosen. view is "value" or a gradient: "input", "weights", "bias". at is a position
 * in what the view shows, [row, column, channel] or [number]; column is the filter whose weights are shown.
 * k: the input channel. target: the class that gradients and Grad-CAM are about; null for the most probable.
 */

import { base64 } from "./api.js";

/** @type {any} The state, to be read; `set` changes it. */
export const now = {
  picture: null, label: null, changes: {}, weights: "model", overlay: "picture",
  layer: null, view: "value", at: [0, 0, 0], column: 0, k: 0, target: null, probable: null,
};
const listeners = [];

/** Calls `listener` after any of the named parts was set. */
export function on(names, listener) {
  listeners.push([names.split(" "), listener]);
}

/** Changes parts of the state, all at once. */
export function set(parts) {
  Object.assign(now, parts);
  const changed = Object.keys(parts);
  for (const [names, listener] of listeners) if (names.some((name) => changed.includes(name))) listener(now);
}

/** What every question about a scene takes along. */
export function scene() {
  return { picture: base64(now.picture), changes: now.changes, weights: now.weights };
}

/** The class that gradients are of: the chosen one, else the true one, else the most probable. */
export const label = () => now.target ?? now.label ?? now.probable;

/** Whether a filter has been changed by hand; without a number, whether any of the layer has been. */
export function isChanged(layer, filter) {
  const filters = now.changes[layer];
  return filter === undefined ? Boolean(filters) : Boolean(filters?.[filter]);
}

/** Gives a filter other weights and another bias; null takes all changes of it back. */
export function change(layer, filter, values) {
  const changes = structuredClone(now.changes);
  changes[layer] = { ...changes[layer], [filter]: values };
  if (values === null) delete changes[layer][filter];
  if (!Object.keys(changes[layer]).length) delete changes[layer];
  set({ changes });
}
