"use strict";
// Line charts of a cell, drawn from its numbers when it is opened.

const CHART = {width: 640, height: 270, left: 66, right: 14, top: 10, bottom: 46};
const DASHES = {solid: "none", dashed: "6 3", dotted: "1.5 3"};

function niceTicks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(one => one * power).find(one => one >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(+tick.toPrecision(12));
  return ticks;
}

function powerTicks(low, high) {
  const ticks = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * (1 + 1e-9); power++) ticks.push(10 ** power);
  return ticks.length > 1 ? ticks : [low, high];
}

function tickLabel(value, percent) {
  if (percent) return `${+(100 * value).toPrecision(6)} %`;
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (Math.abs(value) >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return Math.abs(value) < 1e-3 && value ? value.toExponential(0) : `${+value.toPrecision(4)}`;
}

/** From values to places: `[low, high, place of low, place of high, logarithmic]` as figures.js reads it. */
function placeAt([low, high, from, to, logarithmic], value) {
  const share = logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

function extent(values, logarithmic) {
  const known = values.filter(value => Number.isFinite(value) && (!logarithmic || value > 0));
  if (!known.length) return logarithmic ? [0.1, 1] : [0, 1];
  const low = Math.min(...known), high = Math.max(...known);
  if (logarithmic) {
    // One decade more below the smallest where there are zeros: they lie on the axis.
    const floor = Math.floor(Math.log10(low)) - values.includes(0);
    return [10 ** floor, 10 ** Math.max(Math.ceil(Math.log10(high)), floor + 1)];
  }
  return low < high ? [Math.min(0, low), high] : [0, high || 1];
}

/** `M x y L x y`, with a break where a value is missing or the next one is too far away. */
function route(line, across, axes, gap) {
  const parts = [];
  let last = null;
  across.forEach((x, place) => {
    let y = line.ys[place];
    if (y === null || y === undefined || (axes.x[4] && x <= 0)) { last = null; return; }
    if (axes.y[4] && y < axes.y[0]) y = axes.y[0];
    const at = `${placeAt(axes.x, x).toFixed(3)} ${placeAt(axes.y, y).toFixed(3)}`;
    const joined = last !== null && !(gap && x - last > gap);
    parts.push(joined ? `L${at}` : `M${at}L${at}`);
    last = x;
  });
  return parts.join("");
}

function chartPicture(chart) {
  const {width, height, left, right, top, bottom} = CHART;
  const xs = chart.lines.flatMap(line => line.at ?? chart.at), ys = chart.lines.flatMap(line => line.ys);
  const [lowX, highX] = extent(xs, chart.log_x);
  const [lowY, highY] = chart.percent && !chart.log_y ? [0, 1] : extent(ys, chart.log_y);
  const axes = {
    x: [lowX, highX, left, width - right, Boolean(chart.log_x)],
    y: [lowY, highY, height - bottom, top + 4, Boolean(chart.log_y)],
  };
  const zero = axes.y[4] && ys.includes(0) ? lowY : null;
  const parts = [];
  const text = (x, y, words, anchor, extra = {}) => drawn("text", {x, y, "text-anchor": anchor, ...extra}, words);
  if (chart.shade) {
    const [from, to] = chart.shade.map(value => placeAt(axes.x, Math.min(Math.max(value, lowX), highX)));
    parts.push(drawn("rect", {class: "shade", x: from, y: top, width: Math.max(to - from, 0), height: height - bottom - top}));
  }
  for (const tick of axes.y[4] ? powerTicks(lowY, highY) : niceTicks(lowY, highY, 4)) {
    const y = placeAt(axes.y, tick);
    parts.push(drawn("line", {class: "grid", x1: left, x2: width - right, y1: y, y2: y}),
      text(left - 6, y + 4, tick === zero ? "0" : tickLabel(tick, chart.percent), "end"));
  }
  for (const tick of axes.x[4] ? powerTicks(lowX, highX) : niceTicks(lowX, highX, 6)) {
    parts.push(text(placeAt(axes.x, tick), height - bottom + 18, tickLabel(tick), "middle"));
  }
  parts.push(drawn("line", {class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom}),
    text((left + width - right) / 2, height - 6, chart.x, "middle", {class: "label"}));
  const scale = {...axes, percent: Boolean(chart.percent), zero};
  const lines = chart.lines.map(line => drawn("g", {"data-named": line.name}, drawn("path", {
    d: route(line, line.at ?? chart.at, axes, chart.gap), fill: "none", "stroke-width": line.dash === "dotted" ? 1.6 : 2,
    stroke: line.colour === null ? "var(--ink)" : `var(--c${line.colour})`, "stroke-linecap": "round",
    "stroke-linejoin": "round", "stroke-dasharray": DASHES[line.dash]})));
  parts.push(drawn("g", {"data-scale": JSON.stringify(scale)}, ...lines));
  return drawn("svg", {class: "picture chart", viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${chart.title}; the values are in the table below`}, ...parts);
}

function chartLegend(chart) {
  const groups = new Map(chart.lines.map(line => [line.group ?? line.name, line]));
  return element("ul", {className: "legend"}, ...[...groups].map(([name, line]) => {
    const stroke = line.colour === null ? "var(--ink)" : `var(--c${line.colour})`;
    const swatch = drawn("svg", {viewBox: "0 0 26 6", "aria-hidden": "true"}, drawn("line", {x1: 1, x2: 25, y1: 3, y2: 3,
      stroke, "stroke-width": 2.5, "stroke-dasharray": DASHES[line.dash]}));
    return element("li", {}, swatch, name);
  }));
}

function chartValues(chart) {
  const folded = element("details", {}, element("summary", {textContent: "values"}));
  folded.addEventListener("toggle", () => {
    if (folded.querySelector("table")) return;
    const rows = chart.lines.flatMap(line => (line.at ?? chart.at).map((x, place) => [line.name, x, line.ys[place]]))
      .filter(row => row[2] !== null && row[2] !== undefined);
    const head = ["line", chart.x, chart.y].map((name, column) => element("th", {scope: "col", className: column ? "number" : "", textContent: name}));
    folded.append(element("div", {className: "scroll values"}, element("table", {},
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...rows.map(([name, x, y]) => element("tr", {}, element("td", {textContent: name}),
        element("td", {className: "number", textContent: spelled(x)}),
        element("td", {className: "number", textContent: spelled(y, chart.percent)})))))));
  });
  return folded;
}

/** A chart with its heading, legend and values. */
function chartFigure(chart) {
  return element("figure", {className: "small"}, element("h3", {textContent: chart.title}), chartLegend(chart),
    element("div", {className: "axis-name", textContent: chart.y}), chartPicture(chart), chartValues(chart),
    ...(chart.note ? [element("figcaption", {textContent: chart.note})] : []));
}
