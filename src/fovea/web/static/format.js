/** Numbers as text: a real minus sign, and few digits. */

const minus = (text) => text.replace("-", "−");

/** About three digits, at most two decimals: 0.12, −31.5, 340, 1.2e5; smaller numbers are 0.00. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e4) return minus(value.toExponential(1).replace("+", ""));
  if (size >= 100 || Number.isInteger(value)) return minus(String(Math.round(value)));
  const text = value.toFixed(size >= 10 ? 1 : 2);
  return Number(text) === 0 ? "0.00" : minus(text);
}

/** Four decimals, or four digits of smaller numbers; for the result of an explanation. */
export function exact(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  if (size >= 0.01 && size < 1e5) return minus(String(Number(value.toFixed(4))));
  if (size === 0) return "0";
  const { power, scale } = unit(size);
  return `${minus(String(Number((value / scale).toPrecision(4))))}${power}`;
}

/** The unit for numbers up to `most`, so that two decimals distinguish them: 1, or a power of ten. */
export function unit(most) {
  if (!(most > 0) || !Number.isFinite(most) || (most >= 0.05 && most < 1e4)) return { scale: 1, power: "" };
  const exponent = Math.floor(Math.log10(most));
  const digits = [...String(exponent)].map((digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])).join("");
  return { scale: 10 ** exponent, power: `·10${digits}` };
}

/** 97.3%, and 100% for exactly 1 only. */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  if (share > 0.9995 && share < 1) return "> 99.9%";
  if (share > 0 && share < 0.0005) return "< 0.1%";
  return `${(100 * share).toFixed(1)}%`;
}

/** 28×28×1 */
export const times = (shape) => shape.join("×");

/** 61,706 */
export const count = (whole) => whole.toLocaleString("en-GB");

/** "1 filter", "6 filters" */
export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
