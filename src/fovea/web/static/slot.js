/** A place for a picture of any size: dropped, chosen, or drawn. */

import { h } from "./dom.js";
import { send } from "./api.js";
import { picture } from "./paint.js";
import { LARGEST } from "./sources.js";
import * as sketch from "./sketch.js";

const INKS = ["black", "white", "crimson", "darkorange", "gold", "seagreen", "steelblue", "rebeccapurple", "saddlebrown"];
const SKETCH = { width: 320, height: 240, paper: "#ffffff", inks: INKS, pen: 14 };

/**
 * @param {string} id
 * @param {string} what  "photograph": the name for people
 * @param {(found: {values: Uint8Array, shape: number[]} | null) => void} then  bytes (H, W, C); null: an empty drawing
 * @param {(error: Error) => void} failed
 * @param {{question?: string, drawn?: object}} [how]  question: the upload's name, and that of the array in its answer;
 *   drawn: the parts of a drawing, as in sketch.js
 */
export function build(id, what, then, failed, { question = "photograph", drawn = SKETCH } = {}) {
  const board = h("canvas", { width: 4, height: 3, role: "img", "aria-label": `No ${what} yet`, hidden: true });
  const input = h("input", { type: "file", accept: "image/*", id: `${id}-file`, onchange: () => input.files[0] && take(input.files[0]) });
  const drop = h("div.drop", {}, board, h("label", { for: input.id }, `Choose a ${what}`), input, h("p", {}, "or drop one here"));
  const drawing = h("details", { ontoggle: () => drawing.open && drawing.childElementCount === 1 && drawing.append(easel()) }, h("summary", {}, "Draw one"));

  /** by hand: shown where it was drawn already, and nothing may move under the pen */
  async function take(file, byHand = false) {
    try {
      if (!file) {
        board.hidden = true;
        return then(null);
      }
      if (file.size > LARGEST) throw new Error(`The file has ${Math.round(file.size / 2 ** 20)} megabytes; the limit is ${LARGEST >> 20}.`);
      const { arrays } = await send(question, file);
      const { shape, values } = arrays[question];
      picture(board, values, shape);
      board.hidden &&= byHand;
      board.setAttribute("aria-label", `The ${what}, ${shape[1]} by ${shape[0]} pixels`);
      then({ values: values.slice(), shape });
    } catch (error) {
      failed(error);
    }
  }
  const easel = () => sketch.build(drawn, (file) => take(file, true), failed);

  for (const type of ["dragover", "dragleave", "drop"])
    drop.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.stopPropagation(); // a picture that is dropped elsewhere on the page is the network's
      drop.classList.toggle("dropping", type === "dragover");
      document.body.classList.remove("dropping");
      if (type === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    });
  return h("div.slot", {}, drop, drawing);
}
