"use strict";
// Tables: a click on a heading sorts, a text and selects filter. What has no number comes last.

const NUMBER = /^([+\u2212-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)/i;

function sortKey(row, column, numeric) {
  const cell = row.cells[column];
  const text = cell ? (cell.dataset.value ?? cell.textContent.trim()) : "";
  if (!numeric) return text;
  const found = NUMBER.exec(text);
  return found ? Number(found[1].replaceAll(",", "").replace("\u2212", "-")) : NaN;
}

function compareKeys(a, b, sign) {
  if (typeof a === "string") return sign * a.localeCompare(b, "en", {numeric: true});
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return sign * (a - b);
}

function makeSortable(table) {
  const body = table.tBodies[0], original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  for (const heading of headings) {
    const button = element("button", {type: "button"}, ...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("number"), column = heading.cellIndex;
      // The first click on a number shows the largest first: that is what one looks for.
      const order = numeric ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
      const next = order[(order.indexOf(heading.getAttribute("aria-sort")) + 1) % order.length];
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", next);
      const sign = next === "descending" ? -1 : 1;
      body.append(...(next === "none" ? original : original
        .map(row => [sortKey(row, column, numeric), row])
        .sort((one, other) => compareKeys(one[0], other[0], sign)).map(pair => pair[1])));
    });
  }
}

function filterKey(cell) {
  return cell ? (cell.dataset.key ?? cell.textContent.trim()) : "";
}

/** A text field and a select for each column that asks for one (`data-select` on its heading). */
function makeFilters(table) {
  const rows = [...table.tBodies[0].rows];
  const bar = element("div", {className: "filters"});
  const words = element("input", {type: "search", placeholder: "any words of a row"});
  bar.append(element("label", {}, "filter ", words));
  const selects = [...table.tHead.rows[0].cells].filter(heading => "select" in heading.dataset).map(heading => {
    const column = heading.cellIndex;
    const values = [...new Set(rows.map(row => filterKey(row.cells[column])))].filter(Boolean);
    const select = element("select", {}, element("option", {value: "", textContent: "all"}),
      ...values.map(value => element("option", {value, textContent: value})));
    bar.append(element("label", {}, `${heading.textContent.trim()} `, select));
    return {column, select};
  });
  const count = element("output", {className: "note"});
  bar.append(count);
  const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      row.hidden = !wanted.every(word => texts.get(row).includes(word))
        || selects.some(({column, select}) => select.value && filterKey(row.cells[column]) !== select.value);
      left += !row.hidden;
    }
    count.textContent = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
  }
  bar.addEventListener("input", filter);
  table.closest(".scroll").before(bar);
  filter();
}

for (const table of document.querySelectorAll("table.sortable")) {
  if (table.tBodies[0].rows.length > 5) makeFilters(table);
  makeSortable(table);
}
