// The values at one time of a chart: at the pointer, or where the arrow keys have gone.

import { styleColour } from "./colours.js";
import { element, setText } from "./dom.js";
import { MARKS_WIDTH, TIMES_HEIGHT, valueAt } from "./draw.js";
import { ago, timeOfDay, value as written } from "./numbers.js";

/** Names that the box at the pointer has room for. */
const ROWS = 12;

/** One press of an arrow key, and one of Page Up or Down, in parts of the time shown. */
const STEP = 0.01;
const LEAP = 0.1;

/** The distance between the pointer and the box, and from the chart's edges. */
const APART = 12;

export class Reading {
  #lines;
  #view;
  #metric;
  #scale;
  /** Where it reads, from 0 (the oldest shown) to 1 (now), or null while nobody asks. */
  #at = null;
  /** The value that is pointed at, or null where only a time is. */
  #pointed = null;
  #isFresh = false;
  #cross = element("div", { class: "cross", hidden: true });
  #title = element("p", { class: "title" });
  #list = element("ul");
  #more = element("p", { class: "more" });
  #box = element("div", { class: "box", hidden: true }, this.#title, this.#list, this.#more);

  constructor(metric, lines, view, scale) {
    this.#metric = metric;
    this.#scale = scale;
    this.#lines = lines;
    this.#view = view;
    const at = (event) => this.#move(event);
    const away = () => this.#show(null);
    this.element = element(
      "div",
      {
        class: "plot",
        tabindex: "0",
        role: "slider",
        "aria-label": `${metric}: the time to read values at`,
        "aria-orientation": "horizontal",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": "100",
        "aria-valuetext": "now",
        pointermove: at,
        pointerdown: at,
        pointerleave: away,
        pointercancel: away,
        blur: away,
        keydown: (event) => this.#onKey(event),
      },
      this.#cross,
      this.#box,
    );
  }

  /** Draws what has changed since the last picture. */
  follow(now) {
    if (this.#at === null || this.#isFresh) return;
    this.#isFresh = true;
    this.#fill(now);
  }

  /** Some times a second: the line has moved on under a pointer that rests. */
  write(now) {
    if (this.#at !== null) this.#fill(now);
  }

  #move(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const part = (event.clientX - left - MARKS_WIDTH) / (width - MARKS_WIDTH);
    this.#show(part < 0 ? null : Math.min(1, part));
    this.#pointed = valueAt(event.clientY - top, this.#scale, height - TIMES_HEIGHT);
  }

  #onKey(event) {
    const at = this.#at ?? 1;
    const moves = {
      ArrowLeft: at - STEP,
      ArrowDown: at - STEP,
      ArrowRight: at + STEP,
      ArrowUp: at + STEP,
      PageDown: at - LEAP,
      PageUp: at + LEAP,
      Home: 0,
      End: 1,
      Escape: null,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = moves[event.key];
    this.#show(next === null ? null : Math.min(1, Math.max(0, next)));
  }

  #show(at) {
    [this.#at, this.#pointed] = [at, null];
    this.#isFresh = false;
    this.#cross.hidden = this.#box.hidden = at === null;
  }

  #fill(now) {
    const { windowMs } = this.#view;
    const back = (1 - this.#at) * windowMs;
    const found = [];
    for (const line of this.#lines.values()) {
      const value = line.series.at(now - back);
      if (!Number.isNaN(value)) found.push({ line, value });
    }
    this.#order(found);
    const when = `${timeOfDay(now - back)}, ${ago(back)}`;
    setText(this.#title, when);
    this.#fillRows(found);
    const more = found.length > ROWS ? `and ${found.length - ROWS} more` : "";
    const none = found.length === 0 ? `No ${this.#metric} then` : more;
    const gap = this.#view.store.gapAt(now - back);
    setText(this.#more, gap ?? none);
    this.#place();
    this.#tell(gap ? `${when}. ${gap}` : when, found);
  }

  /** From the highest value down; of more than there is room for, those that are pointed at come first. */
  #order(found) {
    const away = ({ line, value }) => (line.device === this.#view.front ? -1 : Math.abs(value - this.#pointed));
    const highest = (a, b) => b.value - a.value || (a.line.device < b.line.device ? -1 : 1);
    if (this.#pointed === null || found.length <= ROWS) return found.sort(highest);
    found.sort((a, b) => away(a) - away(b));
    return found.splice(0, ROWS, ...found.slice(0, ROWS).sort(highest));
  }

  #fillRows(found) {
    const rows = this.#list.children;
    const wanted = Math.min(ROWS, found.length);
    while (rows.length > wanted) this.#list.lastChild.remove();
    while (rows.length < wanted) this.#list.append(emptyRow());
    for (let n = 0; n < wanted; n++) {
      const { line, value } = found[n];
      const [swatch, name, number] = rows[n].children;
      swatch.style.backgroundColor = styleColour(line.slot);
      setText(name, line.device);
      setText(number, written(value));
      rows[n].classList.toggle("front", line.device === this.#view.front);
    }
  }

  /** The box stands beside the line, on the side that has room. */
  #place() {
    const { clientWidth } = this.element;
    const x = MARKS_WIDTH + this.#at * (clientWidth - MARKS_WIDTH);
    this.#cross.style.transform = `translateX(${x}px)`;
    const width = this.#box.offsetWidth;
    const isLeft = x + APART + width > clientWidth;
    const left = isLeft ? Math.max(0, x - APART - width) : x + APART;
    this.#box.style.transform = `translateX(${left}px)`;
  }

  #tell(when, found) {
    const values = found.slice(0, ROWS).map(({ line, value }) => `${line.device} ${written(value)}`);
    this.element.setAttribute("aria-valuenow", String(Math.round(this.#at * 100)));
    this.element.setAttribute("aria-valuetext", `${when}: ${values.join(", ") || "no value"}`);
  }
}

function emptyRow() {
  const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
  return element("li", {}, swatch, element("span", { class: "name" }), element("span", { class: "value" }));
}
