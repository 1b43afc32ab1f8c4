/** The start of the page. */

import { byId, fill } from "./dom.js";
import { ask, latest, read } from "./api.js";
import { onTheme } from "./colour.js";
import { fillTabs } from "./tabs.js";
import { now, on, scene, set } from "./store.js";
import * as detail from "./detail.js";
import * as flow from "./flow.js";
import * as painting from "./painting.js";
import * as sight from "./sight.js";
import * as steps from "./steps.js";
import * as training from "./training.js";

/** Shows an error until a request succeeds. @param {Error | null} error */
function tell(error) {
  const alert = byId("alert");
  alert.hidden = !error;
  if (error) alert.textContent = error.message;
}

async function start() {
  const { answer: model } = await read("model");
  document.title = `${model.title} – Fovea`;
  fill(byId("title"), model.title);
  const views = [["network", "Network", byId("network")], ["steps", "Step by step", byId("steps")]];
  if (model.run) views.push(["training", "Training", byId("training")]);
  views.push(["painting", "Paint", byId("painting")]);

  const overview = latest(() => (now.picture ? ask("overview", scene()) : null), (reply) => {
    tell(null);
    flow.draw(reply);
    sight.draw(reply);
  }, tell);
  on("picture changes weights", () => overview());
  on("target", () => overview());

  flow.build(model);
  detail.build(model, tell, sight.see);
  sight.build(model, tell);
  const first = model.layers[0];
  set({ layer: first.name, view: "value", at: first.middles.value });
  if (!model.data) {
    const [H, W, C] = model.input_shape;
    set({ picture: new Uint8Array(H * W * C).fill(model.dark ? 0 : 255) });
  }
  steps.build(model, tell);
  if (model.run) training.build(model, tell);
  painting.build(tell);
  fillTabs(byId("views"), "view", views, (name) => {
    steps.shown(name === "steps");
    training.shown(name === "training");
    painting.shown(name === "painting");
  });
  onTheme(() => set({ ...now }));
}

start().catch(tell);
