// What is picked: devices, groups and metrics.

import { byId, setText } from "./dom.js";
import { Picker } from "./picker.js";
import { chosenInWords } from "./words.js";

const WORDS = {
  devices: { one: "device", many: "devices", empty: "None is known yet: names appear with their first event." },
  groups: {
    one: "group",
    many: "groups",
    empty: "A group is a set of devices that an operator has named. Type its name to watch them.",
  },
  metrics: { one: "metric", many: "metrics", empty: "None is known yet: names appear with their first event." },
};

const noColour = () => undefined;

export class Pickers {
  #devices;
  #groups;
  #metrics;
  #groupNames = new Set();

  /** Names come from the store; `changed` is called after each pick. */
  constructor(store, changed) {
    this.#devices = new Picker(WORDS.devices, store.deviceNames, (name) => store.slotOf(name), changed);
    this.#metrics = new Picker(WORDS.metrics, store.metricNames, noColour, changed);
    this.#groups = new Picker(WORDS.groups, this.#groupNames, noColour, changed);
  }

  /** As the client's options have it. */
  get picked() {
    return { devices: this.#devices.picked, groups: this.#groups.picked, metrics: this.#metrics.picked };
  }

  /** Nothing is picked any more: another tenant has other names. */
  clear() {
    for (const picker of [this.#devices, this.#groups, this.#metrics]) picker.set([]);
  }

  /** Back to what was picked before. */
  revert({ devices, groups, metrics }) {
    this.#devices.revert(devices);
    this.#groups.revert(groups);
    this.#metrics.revert(metrics);
  }

  write() {
    this.#devices.write();
    this.#metrics.write();
    this.#groups.write();
    setText(byId("chosen"), chosenInWords(this.picked));
  }
}
