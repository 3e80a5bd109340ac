// Names of one kind to pick from: those that are known, and whatever is typed. None picked means all of them.

import { styleColour } from "./colours.js";
import { byId, element, setText } from "./dom.js";
import { count } from "./numbers.js";

/** Names that are listed at once; typing narrows them down. */
const LISTED = 200;

export class Picker {
  picked = [];
  #words;
  #names;
  #slotOf;
  #changed;
  #known = -1;
  #entries = [];
  #list = element("ul", { class: "names" });
  #all = element("button", { type: "button", class: "small", click: () => this.#pick([]) });
  #add = element("button", { type: "button", class: "small", hidden: true, click: () => this.#addTyped() });
  #note = element("p", { class: "hint" });
  #input;

  /**
   * `words` has `one` and `many` of the kind, and what is said while none is known. `names` is a set that grows, `slotOf`
   * gives the number of a name's colour, and `changed` is called after each pick.
   */
  constructor(words, names, slotOf, changed) {
    this.#words = words;
    this.#names = names;
    this.#slotOf = slotOf;
    this.#changed = changed;
    const find = `Find or name a ${words.one}`;
    this.#input = element("input", {
      type: "search",
      "aria-label": find,
      placeholder: find,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      input: () => this.#build(),
      keydown: (event) => event.key === "Enter" && this.#addTyped(),
    });
    const title = element("legend", {}, words.many[0].toUpperCase() + words.many.slice(1));
    const row = element("div", { class: "row" }, this.#input, this.#all);
    const set = element("fieldset", { class: "picker", id: `pick-${words.many}` });
    set.append(title, row, this.#add, this.#list, this.#note);
    byId("pickers").append(set);
    setText(this.#all, `All ${words.many}`);
    this.#build();
  }

  /** Lists names that have become known, and the colours of those that have a line. */
  write() {
    if (this.#names.size !== this.#known) this.#build();
    for (const entry of this.#entries) {
      const slot = this.#slotOf(entry.name);
      if (slot === entry.slot) continue;
      entry.slot = slot;
      entry.swatch.style.backgroundColor = slot === undefined ? "" : styleColour(slot);
    }
  }

  /** Ticks these names without a word to anybody. */
  set(picked) {
    this.picked = [...picked];
    for (const name of picked) this.#names.add(name);
    this.#build();
  }

  /** Takes back what was picked since; a name that was typed may be none. */
  revert(picked) {
    for (const name of this.picked) if (!picked.includes(name)) this.#names.delete(name);
    this.set(picked);
  }

  #pick(picked) {
    this.set(picked);
    this.#changed();
  }

  #addTyped() {
    const typed = this.#input.value.trim();
    if (typed === "") return;
    this.#input.value = "";
    this.#pick([...new Set([...this.picked, typed])]);
    this.#input.focus();
  }

  #toggle(name, isPicked) {
    this.picked = isPicked ? [...this.picked, name] : this.picked.filter((other) => other !== name);
    this.#describe();
    this.#changed();
  }

  #build() {
    this.#known = this.#names.size;
    const typed = this.#input.value.trim();
    const fitting = [...this.#names].filter((name) => name.toLowerCase().includes(typed.toLowerCase())).sort();
    const focused = this.#list.contains(document.activeElement) && document.activeElement.dataset.name;
    this.#entries = fitting.slice(0, LISTED).map((name) => this.#entry(name));
    this.#list.replaceChildren(...this.#entries.map((entry) => entry.item));
    // Who is ticking names stays where they are when another one becomes known.
    this.#entries.find((entry) => entry.name === focused)?.box.focus();
    this.#add.hidden = typed === "" || this.#names.has(typed);
    setText(this.#add, `Watch “${typed}”`);
    this.#describe(fitting.length, typed);
  }

  #entry(name) {
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    const box = element("input", {
      type: "checkbox",
      "data-name": name,
      change: (event) => this.#toggle(name, event.target.checked),
    });
    box.checked = this.picked.includes(name);
    const label = element("label", { title: name }, box, swatch, element("span", { class: "name" }, name));
    return { name, box, swatch, slot: undefined, item: element("li", {}, label) };
  }

  #describe(fitting = this.#known, typed = "") {
    const { many, empty } = this.#words;
    this.#all.hidden = this.picked.length === 0;
    const ways = this.picked.length === 0 ? `All ${many} are watched. Tick some to watch only those.` : "";
    const some = `The first ${LISTED} of ${count(fitting)}: type a part of a name to find others.`;
    const none = `None of ${count(this.#known)} known ${many} has “${typed}” in its name.`;
    const listed = fitting === 0 ? none : fitting > LISTED ? some : ways;
    setText(this.#note, this.#known === 0 ? empty : listed);
  }
}
