"use strict";
// What a row of a table opens: curves, accuracy by length, wrong strings, where the numbers come from.

const details = document.getElementById("details");

function plainTable(table) {
  const numeric = table.header.map((_, column) => table.rows.some(row => NUMBER.test(row[column] ?? "")) && column > 0);
  const cells = (tag, values) => values.map((value, column) => element(tag, {
    className: numeric[column] ? "number" : "", textContent: value, ...(tag === "th" ? {scope: "col"} : {})}));
  return element("section", {},
    ...(table.title ? [element("h3", {textContent: table.title})] : []),
    element("div", {className: "scroll"}, element("table", {},
      element("thead", {}, element("tr", {}, ...cells("th", table.header))),
      element("tbody", {}, ...table.rows.map(row => element("tr", {}, ...cells("td", row)))))),
    ...(table.note ? [element("p", {className: "note", textContent: table.note})] : []));
}

/** Symbols, those that the other list lacks marked. */
function symbols(list, other) {
  if (!list.length) return element("span", {textContent: "nothing"});
  return element("span", {}, ...list.flatMap((symbol, place) => [place ? " " : "",
    element(other.includes(symbol) ? "span" : "mark", {textContent: symbol === "$" ? "end" : symbol})]));
}

function exampleTable(examples) {
  const head = ["where", "position", "expected", "given", "string up to the first error"];
  const rows = examples.map(one => element("tr", {},
    element("td", {textContent: one.where}),
    element("td", {className: "number", textContent: `${one.position.toLocaleString("en")} of ${one.length.toLocaleString("en")}`}),
    element("td", {className: "word"}, symbols(one.expected, one.given)),
    element("td", {className: "word"}, symbols(one.given, one.expected)),
    element("td", {className: "word string"}, one.before ?? "(nothing read yet)",
      ...(one.after ? [element("span", {className: "rest", textContent: one.after})] : []))));
  return element("section", {}, element("h3", {textContent: "Wrong strings"}),
    element("div", {className: "scroll"}, element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((name, column) => element("th", {scope: "col",
        className: column === 1 ? "number" : "", textContent: name})))),
      element("tbody", {}, ...rows))),
    element("p", {className: "note", textContent: "Position: symbols read before the wrong answer. Expected and given: what may follow there; marked: what the other lacks. Grey: the next symbols of the string."}));
}

function openDetails(name) {
  const source = document.getElementById(`details-${name}`);
  if (!source) return;
  const found = JSON.parse(source.textContent);
  document.getElementById("details-title").textContent = found.title;
  const parts = [];
  if (found.notes.length) parts.push(element("div", {className: "caveats"}, element("ul", {}, ...found.notes.map(note => element("li", {textContent: note})))));
  parts.push(element("dl", {}, ...found.facts.flatMap(([label, value]) => [
    element("dt", {textContent: label}), element("dd", {textContent: value})])));
  parts.push(...found.tables.filter(table => !table.last).map(plainTable));
  parts.push(...found.charts.map(chartFigure));
  if (found.examples.length) parts.push(exampleTable(found.examples));
  parts.push(...found.tables.filter(table => table.last).map(plainTable));
  if (found.spec) parts.push(element("details", {}, element("summary", {textContent: "spec of the trials"}), element("pre", {textContent: found.spec})));
  details.querySelector(".content").replaceChildren(...parts);
  details.showModal();
  details.querySelector(".content").scrollTop = 0;
  history.replaceState(null, "", `#details-${name}`);
}

details.addEventListener("close", () => {
  say("");
  details.querySelector(".content").replaceChildren();
  history.replaceState(null, "", location.pathname + location.search);
});
document.addEventListener("click", event => {
  const opener = event.target.closest("[data-details]");
  if (opener) openDetails(opener.dataset.details);
  else if (event.target === details) details.close();  // the backdrop
});
details.querySelector("button").addEventListener("click", () => details.close());
function openNamed() {
  const name = decodeURIComponent(location.hash).replace(/^#details-/, "");
  if (name && !details.open) openDetails(name);
}
openNamed();
addEventListener("hashchange", openNamed);
