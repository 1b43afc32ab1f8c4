/** The sources of pictures: the data set, a file, or a drawing. */

import { h } from "./dom.js";
import { send } from "./api.js";
import { tabs } from "./tabs.js";
import { set } from "./store.js";
import * as dataset from "./dataset.js";
import * as sketch from "./sketch.js";

export const LARGEST = 24 * 2 ** 20; // bytes, the server's limit
const SIDE = 280; // pixels of a drawing

/** The tabs, one for each source. */
export function build(model, failed) {
  const take = (file) => upload(file).catch(failed);
  const panels = [
    ...(model.data ? [["data", "Data set", dataset.build(model, failed)]] : []),
    ["file", "File", fromFile(take)],
    ["draw", "Draw", sketch.build(drawn(model), upload, failed)],
  ];
  dropAnywhere(take);
  return h("div.sources", {}, tabs("source", "Source of the picture", panels));
}

/** A drawing in the proportions of the network's input, in its colours. */
function drawn({ input_shape: [H, W], dark }) {
  const [width, height] = H > W ? [Math.round((SIDE * W) / H), SIDE] : [SIDE, Math.round((SIDE * H) / W)];
  return { width, height, paper: dark ? "#000" : "#fff", inks: [dark ? "#fff" : "#000"], pen: Math.min(width, height) / 11 };
}

/** Uploads a file; the server decodes it, and its pixels become the picture. */
async function upload(file) {
  if (file.size > LARGEST) throw new Error(`The file has ${Math.round(file.size / 2 ** 20)} megabytes; the limit is ${LARGEST >> 20}.`);
  const { arrays } = await send("picture", file);
  set({ picture: arrays.picture.values, label: null, target: null });
}

function fromFile(take) {
  const input = h("input", { type: "file", accept: "image/*", id: "file", onchange: () => input.files[0] && take(input.files[0]) });
  return h("div.drop", {}, h("label", { for: "file" }, "Choose a picture"), input,
    h("p", {}, "or drop one anywhere on this page. It is sent to your own machine only, and not stored."));
}

function dropAnywhere(take) {
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  };
  for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, over);
}
