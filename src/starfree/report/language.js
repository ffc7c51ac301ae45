"use strict";
// Runs a circuit (algebra/circuit.py) on a typed string. Nothing is fetched; all data is inlined.

/** The features that a rule of the circuit can ask for, from the values of all units. */
function shown(unit, value) {
  return unit.kind === "counter" ? Math.min(Math.max(value - unit.low, 0), unit.size - 1) : value;
}

function holds(cube, features) {
  return Object.entries(cube).every(([name, allowed]) => allowed.includes(features[name]));
}

function act(unit, [verb, operand], value) {
  if (verb === "set") return operand;
  if (verb === "permute") return operand[value];
  return unit.kind === "counter" ? value + operand : (value + operand) % unit.size;
}

/** One step: the values after a letter, and the legal set (a list of booleans, `$` last). */
function step(circuit, values, letter) {
  const features = {letter}, after = {}, fired = {};
  for (const unit of circuit.levels.flat()) features[unit.name + ".before"] = shown(unit, values[unit.name]);
  for (const unit of circuit.levels.flat()) {
    const rule = unit.rules.findIndex(one => holds(one.when, features));
    fired[unit.name] = rule;
    const kept = unit.kind === "wire" ? unit.initial : values[unit.name];
    after[unit.name] = rule < 0 ? kept : act(unit, unit.rules[rule].do, values[unit.name]);
    features[unit.name + ".after"] = shown(unit, after[unit.name]);
  }
  const legal = circuit.outputs.map(
    output => output.cubes.some(cube => holds(cube, features)) !== output.negated);
  return {values: after, legal, fired};
}

/** What happens on a string of tokens: a list, the empty prefix first. */
function run(circuit, tokens) {
  const begin = circuit.alphabet.length + 1;
  const start = Object.fromEntries(circuit.levels.flat().map(unit => [unit.name, unit.initial]));
  const trace = [{letter: null, illegal: false, dead: false, ...step(circuit, start, begin)}];
  for (const letter of tokens) {
    const last = trace[trace.length - 1];
    const illegal = !last.dead && !last.legal[letter];
    const dead = last.dead || illegal;
    const next = step(circuit, last.values, letter);
    // A predictive circuit speaks of prefixes of members only: beyond them nothing is legal.
    if (dead) next.legal = next.legal.map(() => false);
    trace.push({letter, illegal, dead, ...next});
  }
  return trace;
}

/** Tokens of a typed string, and what is wrong with it. */
function read(data, text) {
  const symbols = data.single ? [...text].filter(symbol => symbol.trim()) : text.split(/\s+/).filter(Boolean);
  const tokens = [];
  for (const symbol of symbols) {
    const token = data.alphabet.indexOf(symbol);
    if (token < 0) {
      return {tokens, wrong: `${symbol} at position ${tokens.length + 1} is not in the alphabet ${data.alphabet.join(" ")}`};
    }
    tokens.push(token);
  }
  return {tokens, wrong: ""};
}

const LONGEST = 300;  // columns that are shown
const data = JSON.parse(document.getElementById("data").textContent);

function automatonStates(tokens) {
  if (!data.automaton) return null;
  const states = [data.automaton.start];
  for (const token of tokens) {
    const last = states[states.length - 1];
    states.push(last < 0 ? -1 : data.automaton.transitions[last][token]);
  }
  return states;
}

function row(head, cells) {
  return element("tr", {}, element("th", {scope: "row", textContent: head}), ...cells);
}

function show() {
  const {tokens, wrong} = read(data, input.value);
  const trace = run(data.circuit, tokens);
  const states = automatonStates(tokens);
  const columns = trace.slice(0, LONGEST + 1);
  const says = legal => [...data.alphabet, "$"].filter((_, bit) => legal[bit]);
  const classes = one => one.illegal ? "illegal" : one.dead ? "dead" : "";
  const rows = [row("letter", columns.map((one, place) => element("td", {
    className: `${classes(one)} head`, title: `position ${place}`,
    textContent: one.letter === null ? "^" : data.alphabet[one.letter]})))];
  if (states) rows.push(row("state", columns.map((one, place) => element("td", {
    className: classes(one), textContent: states[place] < 0 ? "–" : states[place]}))));
  for (const unit of data.circuit.levels.flat()) {
    rows.push(row(unit.name, columns.map((one, place) => {
      const value = one.values[unit.name];
      const label = unit.kind === "counter" ? String(value) : data.labels[unit.name][value];
      const acted = place > 0 && one.fired[unit.name] >= 0;
      return element("td", {className: `${classes(one)} value${acted ? " acted" : ""}`, textContent: label,
        title: acted ? "a rule acts on this letter" : "kept"});
    })));
  }
  for (const [bit, symbol] of [...data.alphabet, "$"].entries()) {
    rows.push(row(symbol === "$" ? "may end" : `${symbol} may follow`, columns.map(one => element("td", {
      className: `${classes(one)} bit${one.legal[bit] ? " yes" : ""}`, textContent: one.legal[bit] ? "●" : "·"}))));
  }
  trajectory.replaceChildren(element("tbody", {}, ...rows));
  const last = trace[trace.length - 1];
  const broken = trace.findIndex(one => one.illegal);
  verdict.className = wrong || broken >= 0 ? "bad" : last.legal[data.alphabet.length] ? "good" : "";
  verdict.textContent = wrong ? wrong
    : broken >= 0 ? `Not a prefix of any member: ${data.alphabet[tokens[broken - 1]]} at position ${broken} is illegal.`
    : last.legal[data.alphabet.length] ? "A member."
    : `A prefix of members, no member itself. May follow: ${says(last.legal).join(" ") || "nothing"}.`;
  if (trace.length > columns.length) verdict.textContent += ` (${LONGEST} of ${tokens.length} positions are shown.)`;
  mark(columns.length - 1, trace, states);
}

/** Light up what the network and the automaton hold at one position. */
function mark(place, trace, states) {
  const one = trace[place];
  for (const cell of trajectory.querySelectorAll("td")) cell.classList.toggle("now", cell.cellIndex === place + 1);
  for (const node of document.querySelectorAll(".state")) {
    node.classList.toggle("now", Boolean(states) && Number(node.dataset.state) === states[place]);
  }
  const units = Object.fromEntries(data.circuit.levels.flat().map(unit => [unit.name, unit]));
  for (const node of document.querySelectorAll("[data-unit]")) {
    const unit = units[node.dataset.unit];
    node.classList.toggle("now", shown(unit, one.values[unit.name]) === Number(node.dataset.value));
  }
  const cell = trajectory.querySelector("td.now"), frame = trajectory.parentElement;
  const covered = trajectory.querySelector("th").offsetWidth;
  if (cell.offsetLeft < frame.scrollLeft + covered) frame.scrollLeft = cell.offsetLeft - covered;
  const hidden = cell.offsetLeft + cell.offsetWidth - frame.scrollLeft - frame.clientWidth;
  if (hidden > 0) frame.scrollLeft += hidden;
}

const input = document.getElementById("string");
const trajectory = document.getElementById("trajectory");
const verdict = document.getElementById("verdict");
if (data.circuit) {
  input.addEventListener("input", show);
  for (const button of document.querySelectorAll("button.example")) {
    button.addEventListener("click", () => { input.value = button.dataset.string; show(); });
  }
  trajectory.addEventListener("click", event => {
    const cell = event.target.closest("td");
    if (!cell) return;
    const {tokens} = read(data, input.value);
    mark(cell.cellIndex - 1, run(data.circuit, tokens), automatonStates(tokens));
  });
  show();
}

const filters = [...document.querySelectorAll("select[data-column]")];
function filter() {
  for (const line of document.querySelectorAll("#verdicts tbody tr")) {
    line.hidden = filters.some(one => one.value && line.dataset[one.dataset.column] !== one.value);
  }
}
for (const one of filters) one.addEventListener("change", filter);
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
