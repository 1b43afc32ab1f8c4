/**
 * The state of the page. It is kept in the browser only; each request contains the parts that it depends on.
 *
 * picture: bytes (H, W, C), the network's input. label: its class, if known.
 * changes: filters changed by hand, {layer: {filter: {weights, bias}}}. weights: "model", or "run".
 * layer, view, at: the chosen value. view is "value" or a gradient: "input", "weights", "bias". at is a position
 * in the view, [row, column, channel] or [number]; column is the filter whose weights are shown. k: the input
 * channel. target: the class for gradients and Grad-CAM; null for the most probable.
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

/** The scene, for requests. */
export function scene() {
  return { picture: base64(now.picture), changes: now.changes, weights: now.weights };
}

/** The class that gradients are of: the chosen one, else the true one, else the most probable. */
export const label = () => now.target ?? now.label ?? now.probable;

/** True if a filter was changed by hand; without `filter`, if any of the layer was. */
export function isChanged(layer, filter) {
  const filters = now.changes[layer];
  return filter === undefined ? Boolean(filters) : Boolean(filters?.[filter]);
}

/** Changes the weights and bias of a filter; null undoes its changes. */
export function change(layer, filter, values) {
  const changes = structuredClone(now.changes);
  changes[layer] = { ...changes[layer], [filter]: values };
  if (values === null) delete changes[layer][filter];
  if (!Object.keys(changes[layer]).length) delete changes[layer];
  set({ changes });
}
