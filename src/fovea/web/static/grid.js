/** A small table of numbers, each on its colour. Updates keep the cells, so that typing is not interrupted. */

import { h } from "./dom.js";
import { largest, style } from "./colour.js";
import { exact, number, unit } from "./format.js";
import { roving, stop } from "./keys.js";

/**
 * @param {number} rows @param {number} columns
 * @param {{name: string, edit?: (at: number, value: number) => void}} how  with `edit` the cells are fields
 * @returns {{element: HTMLElement, update: (values: number[], marks?: any) => void, frame: any}}
 */
export function numbers(rows, columns, { name, edit }) {
  const cells = Array.from({ length: rows * columns }, (_, at) => (edit ? field(at, edit, columns) : h("td")));
  const body = Array.from({ length: rows }, (_, row) =>
    h("tr", {}, cells.slice(row * columns, (row + 1) * columns).map((cell) => (edit ? h("td.field", {}, cell) : cell))));
  const table = h("table.numbers", { "aria-label": name }, h("tbody", {}, body));
  if (edit) {
    roving(table, "input", { columns: () => columns });
    stop(cells, cells[0]);
  }
  const frame = h("span.window", { ariaHidden: "true", hidden: true });
  return {
    element: h("div.framed", {}, table, frame),
    update: (values, marks = {}) => update(cells, values, marks),
    /** Slides the frame to `f` by `g` cells; null hides it. */
    frame(row, column, f, g) {
      frame.hidden = row === null;
      if (row === null) return;
      const [first, last] = [cells[row * columns + column], cells[(row + f - 1) * columns + column + g - 1]];
      const [one, two] = [first, last].map((cell) => cell.closest("td"));
      Object.assign(frame.style, { left: `${one.offsetLeft}px`, top: `${one.offsetTop}px`,
        width: `${two.offsetLeft + two.offsetWidth - one.offsetLeft}px`, height: `${two.offsetTop + two.offsetHeight - one.offsetTop}px` });
    },
  };
}

/**
 * marks: most, the scale's end; inside, the cells with a number; winner, the cell of a maximum; dim and blank,
 * cells of later steps; padding, the text of cells outside.
 */
function update(cells, values, { most, inside, winner, dim, blank, padding = "·" } = {}) {
  const { scale } = edited(cells) ? { scale: 1 } : unit(most ?? 1);
  const end = most ?? largest(values.filter((_, at) => inside?.[at] ?? true));
  cells.forEach((cell, at) => {
    const there = inside?.[at] ?? true;
    const value = Number(values[at]);
    const text = blank?.[at] ? "" : there ? number(value / scale) : padding;
    if (cell instanceof HTMLInputElement) {
      cell.dataset.exact = exact(value);
      if (cell !== document.activeElement) cell.value = text;
      else if (!cell.dataset.typed) cell.value = cell.dataset.exact;
    } else cell.textContent = text;
    cell.title = there ? exact(value) : "padding";
    cell.classList.toggle("outside", !there);
    cell.classList.toggle("winner", winner === at);
    cell.classList.toggle("dim", Boolean(dim?.[at]));
    Object.assign(cell.style, there && !blank?.[at] ? style(value, end) : { background: "", color: "" });
  });
}

const edited = (cells) => cells[0] instanceof HTMLInputElement;

function field(at, edit, columns) {
  const place = `row ${Math.floor(at / columns)}, column ${at % columns}`;
  const take = () => {
    const value = Number(input.value.trim().replace("−", "-").replace(",", "."));
    const good = input.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= 1e6;
    input.setAttribute("aria-invalid", String(!good));
    input.dataset.typed = "yes";
    if (good) edit(at, value);
  };
  const input = h("input", { type: "text", inputMode: "decimal", "aria-label": `Weight at ${place}`, autocomplete: "off",
    onfocus: () => {
      if (input.dataset.exact) input.value = input.dataset.exact;
      input.select();
    },
    oninput: take,
    onblur: () => {
      delete input.dataset.typed;
      input.removeAttribute("aria-invalid");
      input.value = number(Number(input.dataset.exact.replace("−", "-")));
    },
    onkeydown: (event) => {
      if (event.key !== "PageUp" && event.key !== "PageDown") return;
      event.preventDefault();
      const value = Number(input.value.replace("−", "-")) + (event.key === "PageUp" ? 0.1 : -0.1);
      input.value = String(Math.round(value * 1e6) / 1e6);
      take();
    } });
  return input;
}

