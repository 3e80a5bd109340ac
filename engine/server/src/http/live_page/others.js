// The table of last values that are no numbers: texts, flags, and whatever else a device sends.

import { byId, element, setText } from "./dom.js";
import { ago } from "./numbers.js";

/** Characters of a value that are shown. */
const SHOWN = 200;

export class Others {
  #store;
  #panel = byId("others-panel");
  #body = byId("others");
  #rows = new Map();

  constructor(store) {
    this.#store = store;
  }

  write(now) {
    const { others } = this.#store;
    this.#panel.hidden = others.size === 0;
    for (const [key, row] of this.#rows) if (!others.has(key)) this.#remove(key, row);
    for (const [key, other] of others) {
      const row = this.#rows.get(key) ?? this.#add(key, other);
      setText(row.value, inWords(other.value));
      setText(row.at, ago(now - other.at));
    }
  }

  #add(key, { device, metric }) {
    const [value, at] = [element("td", { class: "text" }), element("td", { class: "when" })];
    const item = element("tr", {}, element("th", { scope: "row" }, device), element("td", {}, metric), value, at);
    const next = [...this.#rows.keys()].filter((other) => other > key).sort()[0];
    const row = { item, value, at };
    this.#body.insertBefore(item, this.#rows.get(next)?.item ?? null);
    this.#rows.set(key, row);
    return row;
  }

  #remove(key, row) {
    row.item.remove();
    this.#rows.delete(key);
  }
}

function inWords(value) {
  if (value === Infinity || value === -Infinity) return "a number that is too large to draw";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
