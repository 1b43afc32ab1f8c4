/** A line chart over epochs: training and validation with their last values, and a fine line within epochs. */

import { fill, h, svg } from "./dom.js";

const [WIDE, HIGH] = [520, 220];
const EDGE = { left: 52, right: 82, top: 12, bottom: 30 };

/** @param {string} title @param {(value: number) => string} written */
export function chart(title, written) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "chart" });
  const element = h("figure", {}, h("figcaption", {}, title, h("span.training", {}, "training"), h("span.validation", {}, "validation")), picture);
  /** @param {{name: string, points: [number, number | null][]}[]} lines
   *  @param {[number, number][]} within @param {number} epochs */
  function draw(lines, within, epochs) {
    const known = lines.map(({ name, points }) => ({ name, points: points.filter(([, value]) => value !== null) })).filter(({ points }) => points.length);
    // With two epochs to compare, the range need not cover the first steps.
    const seen = known.length && known[0].points.length > 1 ? known : [...known, { points: within }];
    const values = seen.flatMap(({ points }) => points.map(([, value]) => value));
    if (!values.length) {
      fill(picture, text(WIDE / 2, HIGH / 2, "after the first steps", "middle"));
      return;
    }
    const [low, high] = range(values, title === "Loss");
    const x = (epoch) => EDGE.left + ((WIDE - EDGE.left - EDGE.right) * epoch) / Math.max(epochs, 1);
    const y = (value) => HIGH - EDGE.bottom - ((HIGH - EDGE.top - EDGE.bottom) * (value - low)) / (high - low);
    if (!known.length) known.push({ name: "training", points: [within.at(-1)] });
    picture.setAttribute("aria-label", `${title}: ${known.map(({ name, points }) => `${name} ${written(points.at(-1)[1])}`).join(", ")}`);
    const fine = svg("path", { d: path(within.filter(([, value]) => value >= low && value <= high), x, y), class: "line training within" });
    fill(picture, grid(low, high, y, written), axis(epochs, x), fine, ends(known.map((line) => drawn(line, x, y, written))));
  }
  return { element, draw };
}

function drawn({ name, points }, x, y, written) {
  const [epoch, value] = points.at(-1);
  return { at: y(value), marks: [svg("path", { d: path(points, x, y), class: `line ${name}` }), svg("circle", { cx: x(epoch), cy: y(value), r: 3.5, class: name })],
    label: (at) => text(WIDE - EDGE.right + 9, at + 4, `${written(value)}`, "start", name) };
}

const path = (points, x, y) => points.map(([epoch, value], at) => `${at ? "L" : "M"}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`).join("");

/** The lines' last values, moved apart if they would overlap. */
function ends(lines) {
  const sorted = [...lines].sort((a, b) => a.at - b.at);
  sorted.forEach((line, i) => (line.place = i && line.at - sorted[i - 1].place < 15 ? sorted[i - 1].place + 15 : line.at));
  return lines.flatMap(({ marks, label, place }) => [...marks, label(place)]);
}

function grid(low, high, y, written) {
  const step = round((high - low) / 4);
  const first = Math.ceil(low / step - 1e-9);
  const values = Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
  return values.flatMap((value) => [
    svg("line", { x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(value), y2: y(value), class: "rule" }), text(EDGE.left - 8, y(value) + 4, written(value), "end")]);
}

function axis(epochs, x) {
  const every = Math.max(1, Math.ceil(epochs / 8));
  const ticks = Array.from({ length: epochs }, (_, at) => at + 1).filter((epoch) => epoch === 1 || epoch % every === 0);
  return [...ticks.map((epoch) => text(x(epoch), HIGH - 10, String(epoch), "middle")), text(WIDE - EDGE.right + 26, HIGH - 10, "epoch", "start")];
}

/** The range of an axis: a loss begins at 0, an accuracy ends at 1. */
function range(values, isLoss) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return isLoss ? [0, most > 0 ? 1.05 * most : 1] : [Math.max(0, least - 0.1 * (1 - least) - 0.01), 1];
}

/** The next of 1, 2, 5, 10, … above a distance. */
function round(distance) {
  const power = 10 ** Math.floor(Math.log10(distance));
  return power * [1, 2, 5, 10].find((n) => n * power >= distance * 0.999);
}

function text(x, y, words, anchor, name = "") {
  const element = svg("text", { x, y, "text-anchor": anchor, class: name });
  element.textContent = words;
  return element;
}
