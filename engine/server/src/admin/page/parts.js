// The pieces that views are made of: sections, facts, notices, badges, tables.

import { fill, h, id, say } from "./dom.js";

// A part of a view under a heading.
export function section(title, hint, ...children) {
  const heading = id("heading");
  return h("section.section", { "aria-labelledby": heading },
    h("div.head", {}, h("h2", { id: heading }, title), hint && h("p.hint", {}, hint)), ...children);
}

// The top of a view: what it is, and what can be done with it.
export function title(text, hint, ...actions) {
  return h("div.title", {},
    h("div", {}, h("h1", { tabindex: "-1" }, text), hint && h("p.hint", {}, hint)),
    actions.length > 0 && h("div.actions", {}, ...actions));
}

// A state in a word. Tones: good, warn, bad, plain.
export function badge(tone, text) {
  return h(`span.badge.${tone}`, {}, text);
}

export function notice(tone, text, ...more) {
  return h(`div.notice.${tone}`, {}, h("p", {}, text), ...more);
}

// What stands where a list would be, and what to do about it.
export function empty(text) {
  return h("p.empty", {}, text);
}

export function button(text, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, text);
}

// A button for what the reading token may not do: it says so instead.
export function acting(text, onclick, attributes = {}) {
  return button(text, onclick, { "data-changes": true, ...attributes });
}

// Names with their values, which are set by name.
export function facts(names, shape = "") {
  const values = names.map(() => h("dd"));
  return {
    element: h(`dl.facts${shape}`, {}, names.map((name, n) => h("div", {}, h("dt", {}, name), values[n]))),
    set(told) {
      names.forEach((name, n) => put(values[n], told[name]));
    },
  };
}

// How full something is, from 0 to 1, with its text.
export function meter(share, text, label) {
  const bar = h("span.meter", { "aria-hidden": "true" }, h("span"));
  bar.firstChild.style.inlineSize = `${Math.round(Math.min(1, share) * 100)}%`;
  if (share >= 0.9) bar.classList.add("bad");
  else if (share >= 0.6) bar.classList.add("warn");
  return h("span.metered", { title: label }, bar, h("span", {}, text));
}

// Puts a value where one of the same content is left alone: a text, an element, or what makes an element and is compared by
// its text: { key, make }.
function put(cell, value) {
  if (value && typeof value === "object" && "make" in value) {
    if (cell.dataset.key === value.key) return;
    cell.dataset.key = value.key;
    fill(cell, value.make());
  } else if (value instanceof Node) {
    fill(cell, value);
  } else {
    say(cell, value ?? "");
  }
}

// A link as the value of a cell.
export function link(text, href, title) {
  return { key: `${text} ${href}`, make: () => h("a", { href, title }, text) };
}

// A badge as the value of a cell.
export function state(tone, text) {
  return { key: `${tone} ${text}`, make: () => badge(tone, text) };
}

// A meter as the value of a cell.
export function level(share, text, label) {
  return { key: `${Math.round(share * 100)} ${text}`, make: () => meter(share, text, label) };
}

// A table whose rows stay where they are while their values change, so that nobody loses the focus. A column has a name and
// `value`, which reads a row; with `number` it stands to the right, with `wide` it is for wide screens only.
export function table({ label, columns, key, none }) {
  const body = h("tbody", { role: "rowgroup" });
  const heads = columns.map((column) => h(`th${shape(column)}`, { scope: "col", role: "columnheader" }, column.name));
  const grid = h("table", { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body);
  const nothing = empty(none);
  const element = h("div.table", {}, grid, nothing);
  const rows = new Map();
  element.classList.add("bare");

  const rowOf = (item) => {
    const cells = columns.map((column, n) =>
      n === 0 ? h(`th${shape(column)}`, { scope: "row", role: "rowheader" })
        : h(`td${shape(column)}`, { "data-name": column.name, role: "cell" }));
    const row = { element: h("tr", { role: "row" }, cells), cells, item };
    return row;
  };

  return {
    element,
    show(items) {
      const wanted = new Set(items.map(key));
      for (const [name, row] of rows) {
        if (!wanted.has(name)) {
          row.element.remove();
          rows.delete(name);
        }
      }
      items.forEach((item, n) => {
        const row = rows.get(key(item)) ?? rowOf(item);
        rows.set(key(item), row);
        row.item = item;
        columns.forEach((column, at) => put(row.cells[at], column.value(item, () => row.item)));
        if (body.children[n] !== row.element) body.insertBefore(row.element, body.children[n] ?? null);
      });
      element.classList.toggle("bare", items.length === 0);
    },
    // What stands there when there is nothing.
    explain(text) {
      say(nothing, text);
    },
  };
}

function shape(column) {
  return `${column.number ? ".number" : ""}${column.wide ? ".wide" : ""}${column.text ? ".text" : ""}`;
}
