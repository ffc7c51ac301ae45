"use strict";
// Figures: the values under the pointer, and a dialog in which to enlarge and move them.

const NEAR = 16;  // px from the pointer to the point it means
const tip = document.getElementById("tip");

/** Show words beside a place of the window; no words, no tip. */
function say(words, x = 0, y = 0) {
  tip.hidden = !words;
  if (!words) return;
  tip.textContent = words;
  // Inside an open dialog, or it would lie below it.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(tip);
  const {width, height} = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - width - 4))}px`;
  tip.style.top = `${y - height - 12 > 4 ? y - height - 12 : y + 18}px`;
}

/** The value that an axis `[low, high, place of low, place of high, logarithmic]` has at a place. */
function valueAt([low, high, from, to, logarithmic], place) {
  const share = (place - from) / (to - from);
  return logarithmic ? low * (high / low) ** share : low + share * (high - low);
}

function spelled(value, percent) {
  if (percent) {
    // What is not 0 or 1 is never rounded to it.
    if (value < 1e-5 || value > 1 - 1e-5) return value < .5 ? "0 %" : "100 %";
    return `${Math.min(Math.max(100 * value, .1), 99.9).toFixed(1)} %`;
  }
  if (value === 0) return "0";
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e9
    ? Number(value.toPrecision(4)).toLocaleString("en") : value.toExponential(1);
}

const vertices = new WeakMap();
/** The points of a named line in the units of its picture. */
function pointsOf(line) {
  if (!vertices.has(line)) {
    const path = line.querySelector(":scope > path");
    const found = path ? [...path.getAttribute("d").matchAll(/(-?[\d.]+)[ ,](-?[\d.]+)/g)].map(one => [+one[1], +one[2]])
      : [...line.querySelectorAll("use")].map(one => [one.x.baseVal.value, one.y.baseVal.value]);
    vertices.set(line, found);
  }
  return vertices.get(line);
}

/** What the point of a line next to the pointer says, if one is near. */
function nearestPoint(picture, event) {
  const matrix = picture.getScreenCTM();
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const scale = matrix.a;
  let best = null, distance = NEAR / scale;
  for (const axes of picture.querySelectorAll("[data-scale]")) {
    const axis = JSON.parse(axes.dataset.scale);
    const inside = (place, [, , one, other]) => place > Math.min(one, other) - distance && place < Math.max(one, other) + distance;
    if (!inside(at.x, axis.x) || !inside(at.y, axis.y)) continue;
    for (const line of axes.querySelectorAll("[data-named]")) {
      for (const [x, y] of pointsOf(line)) {
        const off = Math.hypot(x - at.x, y - at.y);
        if (off < distance) { distance = off; best = {line, axis, x, y}; }
      }
    }
  }
  if (!best) return "";
  const {axis, line} = best;
  const x = valueAt(axis.x, best.x), y = valueAt(axis.y, best.y);
  const nothing = axis.zero !== null && axis.zero !== undefined && y <= 1.02 * axis.zero;
  return `${line.dataset.named}: at ${spelled(x)}, ${nothing ? "0" : spelled(y, axis.percent)}`;
}

for (const pointing of ["pointermove", "pointerdown"]) document.addEventListener(pointing, event => {
  const picture = event.target.closest?.("svg.picture");
  if (!picture) { if (!tip.hidden) say(""); return; }
  const mark = event.target.closest("[data-says]");
  say(mark ? mark.dataset.says : nearestPoint(picture, event), event.clientX, event.clientY);
});
document.addEventListener("scroll", () => say(""), {capture: true, passive: true});

// The dialog: the picture itself is moved into it and back, so that no id occurs twice.
const zoom = document.getElementById("zoom"), stage = zoom.querySelector(".stage");
let lent = null;  // the picture in the dialog, where it came from, and its whole view

function view(box) {
  lent.box = box;
  lent.picture.setAttribute("viewBox", box.map(number => number.toFixed(2)).join(" "));
}

/** Enlarge by a factor about a place of the window, by default the middle. */
function enlarge(factor, x, y) {
  const [left, top, width, height] = lent.box, whole = lent.whole;
  const wider = Math.min(Math.max(width / factor, whole[2] / 40), whole[2] * 1.5);
  const matrix = lent.picture.getScreenCTM().inverse(), frame = stage.getBoundingClientRect();
  const at = new DOMPoint(x ?? frame.x + frame.width / 2, y ?? frame.y + frame.height / 2).matrixTransform(matrix);
  const ratio = wider / width;
  view([at.x - (at.x - left) * ratio, at.y - (at.y - top) * ratio, wider, height * ratio]);
}

/** Move by pixels. */
function move(x, y) {
  const [left, top, width, height] = lent.box, scale = lent.picture.getScreenCTM().a;
  view([left - x / scale, top - y / scale, width, height]);
}

function openZoom(figure) {
  say("");
  const picture = figure.querySelector("svg.picture"), home = picture.parentElement;
  const whole = picture.getAttribute("viewBox").split(" ").map(Number);
  home.style.height = `${home.offsetHeight}px`;
  lent = {picture, home, whole, box: whole};
  stage.append(picture);
  zoom.querySelector("p").textContent = figure.querySelector("figcaption")?.textContent ?? "";
  zoom.showModal();
}

zoom.addEventListener("close", () => {
  say("");
  view(lent.whole);
  lent.home.append(lent.picture);
  lent.home.style.height = "";
  lent = null;
});

for (const figure of document.querySelectorAll("figure.zoomable")) {
  const button = element("button", {type: "button", className: "enlarge", textContent: "Enlarge"});
  button.addEventListener("click", () => openZoom(figure));
  figure.prepend(button);
  figure.querySelector("svg.picture").addEventListener("click", () => { if (!lent) openZoom(figure); });
}

const STEPS = {"in": () => enlarge(1.5), "out": () => enlarge(1 / 1.5), "whole": () => view(lent.whole),
  "close": () => zoom.close()};
for (const button of zoom.querySelectorAll("button")) button.addEventListener("click", STEPS[button.value]);

const KEYS = {"+": STEPS.in, "=": STEPS.in, "-": STEPS.out, "0": STEPS.whole,
  "ArrowLeft": () => move(60, 0), "ArrowRight": () => move(-60, 0), "ArrowUp": () => move(0, 60), "ArrowDown": () => move(0, -60)};
zoom.addEventListener("keydown", event => {
  if (KEYS[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); KEYS[event.key](); }
});
stage.addEventListener("wheel", event => {
  event.preventDefault();
  enlarge(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
}, {passive: false});
stage.addEventListener("dblclick", event => enlarge(2, event.clientX, event.clientY));

const fingers = new Map();
stage.addEventListener("pointerdown", event => {
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", event => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const now = [event.clientX, event.clientY];
  if (fingers.size === 1) move(now[0] - before[0], now[1] - before[1]);
  else {
    const [, other] = [...fingers].find(([finger]) => finger !== event.pointerId);
    const span = place => Math.hypot(place[0] - other[0], place[1] - other[1]);
    enlarge(span(now) / Math.max(span(before), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }
  fingers.set(event.pointerId, now);
});
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, event => fingers.delete(event.pointerId));
