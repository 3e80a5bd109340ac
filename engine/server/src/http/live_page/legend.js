// The devices of a chart with their last values. A name brings its line to the front: while it is pointed at or focused, and
// for good once it is pressed.

import { styleColour } from "./colours.js";
import { element, setText } from "./dom.js";
import { value as written } from "./numbers.js";

export class Legend {
  #lines;
  #view;
  #entries = new Map();

  constructor(metric, lines, view) {
    this.#lines = lines;
    this.#view = view;
    this.element = element("ul", { class: "legend", "aria-label": `Devices with ${metric}, and their last values` });
  }

  /** Brings names and values up to date. */
  write() {
    for (const line of this.#lines.values()) if (!this.#entries.has(line.device)) this.#add(line);
    for (const [device, entry] of this.#entries) {
      const line = this.#lines.get(device);
      if (line) this.#update(entry, line);
      else this.#remove(device, entry);
    }
  }

  #update(entry, { device, slot, series }) {
    setText(entry.value, written(series.last));
    const pressed = String(this.#view.pinned === device);
    if (entry.button.getAttribute("aria-pressed") !== pressed) entry.button.setAttribute("aria-pressed", pressed);
    if (entry.slot === slot) return;
    entry.slot = slot;
    entry.swatch.style.backgroundColor = styleColour(slot);
  }

  #add({ device }) {
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    const value = element("span", { class: "value" });
    const look = () => this.#view.lookAt(device);
    const leave = () => this.#view.lookAt(null);
    const button = element(
      "button",
      {
        type: "button",
        "aria-pressed": "false",
        title: device,
        pointerenter: look,
        pointerleave: leave,
        focus: look,
        blur: leave,
        click: () => this.#view.pin(device),
      },
      swatch,
      element("span", { class: "name" }, device),
      value,
    );
    const item = element("li", {}, button);
    this.#entries.set(device, { item, button, swatch, value });
    this.#place(device, item);
  }

  /** Names stand in order, so that the eye finds them in every chart at the same place. */
  #place(device, item) {
    const next = [...this.#entries.keys()].filter((other) => other > device).sort()[0];
    this.element.insertBefore(item, next === undefined ? null : this.#entries.get(next).item);
  }

  #remove(device, entry) {
    entry.item.remove();
    this.#entries.delete(device);
  }
}
