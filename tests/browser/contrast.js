// Words whose contrast with what lies behind them is below 4.5; https://www.w3.org/TR/WCAG22/#contrast-minimum
() => {
  const part = (value) => (value / 255 <= 0.04045 ? value / 3295 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(Number);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\)|transparent/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const hasWords = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const low = [];
  for (const one of document.querySelectorAll("main *, header *")) {
    if (!one.offsetParent || one.disabled || !hasWords(one)) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push([one.textContent.slice(0, 30), (a + 0.05) / (b + 0.05)]);
  }
  return low;
}
