/**
 * One colour scale for signed numbers: blue below zero, the background's colour at zero, orange above.
 * Blue and orange are distinct for every kind of colour vision; in dark mode, large numbers are light.
 */

const LIGHT = [[8, 48, 107], [33, 113, 181], [122, 176, 215], [222, 233, 241], [248, 247, 245],
  [250, 224, 202], [240, 160, 99], [206, 89, 24], [127, 39, 4]];
const DARK = [[198, 226, 255], [96, 165, 232], [44, 104, 164], [28, 54, 82], [25, 28, 32],
  [84, 48, 24], [170, 84, 30], [244, 146, 76], [255, 223, 196]];

const wanted = matchMedia("(prefers-color-scheme: dark)");
let table = makeTable();

/** 255 colours from −1 to 1, between the stops of the current theme. */
function makeTable() {
  const stops = wanted.matches ? DARK : LIGHT;
  return Array.from({ length: 255 }, (_, at) => {
    const place = (at / 254) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return stops[low].map((part, i) => Math.round(part + (stops[low + 1][i] - part) * (place - low)));
  });
}

/** Calls `redraw` after the theme has changed. */
export function onTheme(redraw) {
  wanted.addEventListener("change", () => {
    table = makeTable();
    redraw();
  });
}

/** Red, green, blue of `value` on a scale that ends at `largest`; grey for NaN. */
export function rgb(value, largest) {
  if (Number.isNaN(value)) return [128, 128, 128];
  const share = largest > 0 ? Math.max(-1, Math.min(1, value / largest)) : 0;
  return table[Math.round(127 + 127 * share)];
}

/** The same as CSS, with black or white text, the one with more contrast: at least 4.5 on any colour. */
export function style(value, largest) {
  const [r, g, b] = rgb(value, largest);
  const light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) > 0.179;
  return { background: `rgb(${r} ${g} ${b})`, color: light ? "#000" : "#fff" };
}

/** Linear light of a colour component; https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
const linear = (part) => (part <= 10 ? part / 3295 : ((part / 255 + 0.055) / 1.055) ** 2.4);

/** The largest magnitude among values. */
export function largest(values) {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}
