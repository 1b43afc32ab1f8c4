/** Tabs as WAI-ARIA has them: arrows go from one to the next, and show it. */

import { h } from "./dom.js";
import { roving, stop } from "./keys.js";

/**
 * @param {string} id  what the ids of tabs and panels begin with
 * @param {string} label  what the tabs are, for those who hear them
 * @param {[string, string, HTMLElement][]} panels  name, title, content
 * @param {(name: string) => void} [shown]
 */
export function tabs(id, label, panels, shown = () => {}) {
  const list = h("div.tabs", { role: "tablist", "aria-label": label });
  fillTabs(list, id, panels, shown);
  return [list, ...panels.map(([, , panel]) => panel)];
}

/** The same in a list that is there already. Returns what shows a panel by its name. */
export function fillTabs(list, id, panels, shown = () => {}) {
  const buttons = panels.map(([name, title, panel]) => {
    panel.id ||= `${id}-${name}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${id}-tab-${name}`);
    return h("button", { type: "button", role: "tab", id: `${id}-tab-${name}`, "aria-controls": panel.id, onclick: () => show(name) }, title);
  });
  function show(name) {
    panels.forEach(([other, , panel], at) => {
      panel.hidden = other !== name;
      buttons[at].setAttribute("aria-selected", String(other === name));
      if (other === name) stop(buttons, buttons[at]);
    });
    shown(name);
  }
  list.append(...buttons);
  roving(list, "button", { follow: true });
  show(panels[0][0]);
  return show;
}
