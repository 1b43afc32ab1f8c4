/** A run: the measures of its task and its filters, per epoch and within epochs. */

import { byId, fill, h } from "./dom.js";
import { latest, read } from "./api.js";
import { largest } from "./colour.js";
import { chart } from "./chart.js";
import { percent, number } from "./format.js";
import { canvas, legend, map, picture } from "./paint.js";
import { now, on, set } from "./store.js";

const EVERY = 500; // milliseconds, as a run updates its live status
const QUIET = 20; // seconds without an update that are reported
let visible = false;
let next = () => {};
let last = null;

/** @param {any} model @param {(error: Error | null) => void} tell */
export function build(model, tell) {
  const status = h("p.status", { role: "status" });
  const charts = h("div.charts");
  let panels = []; // a chart for each measure
  const board = h("canvas.progress", { width: 4, height: 3, role: "img", "aria-label": "The network at work after the last epoch", hidden: true });
  const filters = h("div.filters");
  const follow = h("input", { type: "checkbox", id: "follow", onchange: () => set({ weights: follow.checked ? "run" : "model" }) });
  fill(byId("training"), h("h2", {}, "Training"), status,
    charts, board, filters,
    h("label.check", {}, follow, "use the latest weights on the whole page"));
  let version = null;
  let seen = ""; // the version of the picture
  next = latest(() => read("training", { picture: seen }), ({ answer, arrays }) => {
    last = { answer, arrays };
    if (arrays.picture) picture(board, arrays.picture.values, arrays.picture.shape);
    seen = answer.picture ?? "";
    board.hidden = !seen;
    show();
    if (answer.version !== version && now.weights === "run" && answer.version) set({ weights: "run" });
    version = answer.version;
  }, tell);

  function show() {
    const { answer, arrays } = last;
    fill(status, ...standing(answer));
    const rows = answer.rows;
    const epochs = answer.epochs ?? rows.length;
    const line = (name, key, at) => ({ name, points: rows.map((row) => [row.epoch + at, row[key] ?? null]) });
    const mean = -0.5; // epochs: a mean over an epoch is drawn at its middle
    const within = (name) => {
      const at = 1 + answer.columns.indexOf(name);
      return at ? answer.points.map((point) => [point[0], point[at]]) : [];
    };
    const measures = [...answer.measures].reverse(); // the main one last
    if (panels.map((panel) => panel.name).join() !== measures.map((measure) => measure.name).join()) {
      panels = measures.map(({ name, title, share }) => ({ name, chart: chart(title, share ? percent : number) }));
      fill(charts, ...panels.map((panel) => panel.chart.element));
    }
    for (const { name, chart } of panels)
      chart.draw([line("training", `train_${name}`, mean), line("validation", `val_${name}`, 0)], within(name), epochs);
    fill(filters, arrays.filters && [h("h2", {}, `Filters of ${answer.layer}`, legend(largest(arrays.filters.values))), h("div.maps", {}, tiles(arrays.filters))]);
  }
  on("picture", () => last && show()); // the theme may be another
  setInterval(() => (visible || now.weights === "run") && !document.hidden && next(), EVERY);
}

/** Sends requests only while visible. */
export function shown(yes) {
  visible = yes;
  if (yes) next();
}

function standing(answer) {
  if (!answer.there) return [h("b", {}, "Gone: "), answer.note];
  const done = answer.rows.length;
  const [main] = answer.measures;
  const said = (value) => `${main.title.toLowerCase()} ${main.share ? percent(value) : number(value)}`;
  const values = main ? answer.rows.map((row) => row[`val_${main.name}`] ?? row[`train_${main.name}`]).filter(Number.isFinite) : [];
  const going = answer.now !== null && answer.now !== undefined;
  const words = [`epoch ${going ? done + 1 : done}${answer.epochs ? ` of ${answer.epochs}` : ""}`];
  if (going) words[0] += `, ${Math.round(100 * answer.now)}% of it done`;
  if (values.length) words.push(`best ${said(main.rises ? Math.max(...values) : Math.min(...values))}`);
  const found = answer.finished && main && answer.metrics[main.name];
  if (Number.isFinite(found)) words.push(`on the ${answer.metrics.split} pictures ${said(found)}`);
  if (!answer.finished && answer.age > QUIET) words.push(`nothing written for ${ago(answer.age)}`);
  return [h("b", {}, answer.finished ? "Finished: " : "Running: "), words.join(", "), answer.note ? ` (${answer.note})` : ""];
}

const ago = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

/** Each filter as a tile: its mean over the input channels. */
function tiles({ shape: [f, g, deep, n], values }) {
  const most = largest(values);
  return Array.from({ length: n }, (_, c) => {
    const tile = canvas(f, g, Math.max(24, Math.min(64, g * 11)), { title: `filter ${c}`, role: "img", "aria-label": `filter ${c}` });
    const shown = new Float32Array(f * g);
    for (let at = 0; at < f * g; at++) for (let k = 0; k < deep; k++) shown[at] += values[(at * deep + k) * n + c] / deep;
    map(tile, { shape: [f, g, 1], values: shown }, 0, deep > 1 ? largest(shown) : most);
    return tile;
  });
}
