/** WAI-ARIA tabs: arrow keys move to the next and show it. */

import { h } from "./dom.js";
import { roving, stop } from "./keys.js";

/**
 * @param {string} id  the prefix of the ids of tabs and panels
 * @param {string} label  the name for screen readers
 * @param {[string, string, HTMLElement][]} panels  name, title, content
 * @param {(name: string) => void} [shown]
 */
export function tabs(id, label, panels, shown = () => {}) {
  const list = h("div.tabs", { role: "tablist", "aria-label": label });
  fillTabs(list, id, panels, shown);
  return [list, ...panels.map(([, , panel]) => panel)];
}

/** The same in an existing list. Returns a function that shows a panel by name. */
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
