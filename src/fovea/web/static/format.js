/** Numbers as people read them: a real minus sign, as many digits as fit. */

const minus = (text) => text.replace("-", "−");

/** About three digits, at most two places: 0.12, −31.5, 340, 1.2e5; what is smaller is 0.00. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e4) return minus(value.toExponential(1).replace("+", ""));
  if (size >= 100 || Number.isInteger(value)) return minus(String(Math.round(value)));
  const text = value.toFixed(size >= 10 ? 1 : 2);
  return Number(text) === 0 ? "0.00" : minus(text);
}

/** Four places, for the number that an explanation ends in. */
export function exact(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return number(value);
  return Math.abs(value) >= 1e4 ? number(value) : minus(String(Number(value.toFixed(4))));
}

/** 97.3%, and never 100% for what is not certain. */
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
