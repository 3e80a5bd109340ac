// What has arrived: the lines of each metric, the last values that are no numbers, and the gaps. Every part is bounded.

import { DeviceClock } from "./clock.js";
import { Series } from "./series.js";

/** Devices that have lines; the names of others are known, and can be picked. */
export const MAX_DEVICES = 50;

/** Metrics that have a chart. */
export const MAX_METRICS = 40;

/** Names that are remembered, of devices and of metrics; last values that are no numbers; gaps. */
const MAX_NAMES = 5_000;
const MAX_OTHERS = 300;
const MAX_GAPS = 200;

/** Larger numbers have no place in a chart: their differences would not be numbers any more. */
const MAX_DRAWN = 1e300;

export class Store {
  /** Names that were ever seen, in the order in which they came. */
  deviceNames = new Set();
  metricNames = new Set();
  /** By metric, then by device: `{ device, slot, series }`. */
  metrics = new Map();
  /** Last values that are no numbers: `{ device, metric, value, at }`. */
  others = new Map();
  /** `{ from, to, words }`, in this page's time; `to` is Infinity until an event follows. */
  gaps = [];
  /** Grows with each gap, and with whatever is forgotten: who drew the lines draws them anew. */
  version = 0;
  #devices = new Map();
  #freeSlots = Array.from({ length: MAX_DEVICES }, (_, slot) => slot);
  #lastTime = 0;

  /** Takes an event that arrived at `now`. */
  add(event, now) {
    remember(this.deviceNames, event.device_id);
    const device = this.#device(event.device_id);
    const time = device ? device.clock.timeOf(event, now) : now;
    this.#closeGap(time);
    for (const metric of Object.keys(event.metrics)) {
      remember(this.metricNames, metric);
      const value = event.metrics[metric];
      if (typeof value === "number" && Math.abs(value) < MAX_DRAWN) {
        if (device) this.#series(metric, event.device_id, device)?.push(time, value);
      } else {
        this.#addOther(event.device_id, metric, value, now);
      }
    }
    this.#lastTime = Math.max(this.#lastTime, time);
  }

  /** Events are missing between the last one and the next, for the reason that `words` tells. */
  addGap(words, now) {
    for (const lines of this.metrics.values()) {
      for (const line of lines.values()) line.series.cut();
    }
    this.gaps.push({ from: this.#lastTime || now, to: Infinity, words });
    if (this.gaps.length > MAX_GAPS) this.gaps.shift();
    this.version += 1;
  }

  /** What is told of the gap at a time, if there is one. */
  gapAt(time) {
    return this.gaps.findLast((gap) => time >= gap.from && time <= gap.to)?.words;
  }

  /** Forgets what the filters leave out. A device that comes back begins a new line. */
  keepOnly({ devices, groups, metrics }) {
    const isWanted = (name, picked) => picked.length === 0 || picked.includes(name);
    // Who is in a group is not known here: its devices come back with their next event.
    const isChosen = (name) => devices.length + groups.length === 0 || devices.includes(name);
    for (const name of [...this.#devices.keys()]) {
      if (!isChosen(name)) this.#forget(name);
    }
    for (const metric of this.metrics.keys()) {
      if (!isWanted(metric, metrics)) this.metrics.delete(metric);
    }
    for (const [key, other] of this.others) {
      if (!isChosen(other.device) || !isWanted(other.metric, metrics)) this.others.delete(key);
    }
    this.version += 1;
  }

  /** Forgets everything: another tenant may come. */
  clear() {
    this.deviceNames.clear();
    this.metricNames.clear();
    this.metrics.clear();
    this.others.clear();
    for (const { slot } of this.#devices.values()) this.#freeSlots.push(slot);
    this.#freeSlots.sort((a, b) => a - b);
    this.#devices.clear();
    [this.gaps, this.#lastTime] = [[], 0];
    this.version += 1;
  }

  /** Devices that have lines. */
  get drawn() {
    return this.#devices.size;
  }

  /** Devices that send, but have no line, since enough others do. */
  get undrawn() {
    return this.#freeSlots.length > 0 ? 0 : this.deviceNames.size - MAX_DEVICES;
  }

  /** The colour's number of a device, or undefined if it has no line. */
  slotOf(name) {
    return this.#devices.get(name)?.slot;
  }

  #device(name) {
    const known = this.#devices.get(name);
    if (known || this.#freeSlots.length === 0) return known;
    const made = { slot: this.#freeSlots.shift(), clock: new DeviceClock() };
    this.#devices.set(name, made);
    return made;
  }

  #series(metric, name, device) {
    let lines = this.metrics.get(metric);
    if (!lines) {
      if (this.metrics.size === MAX_METRICS) return undefined;
      this.metrics.set(metric, (lines = new Map()));
    }
    let line = lines.get(name);
    if (!line) lines.set(name, (line = { device: name, slot: device.slot, series: new Series() }));
    return line.series;
  }

  #addOther(device, metric, value, at) {
    const key = JSON.stringify([device, metric]);
    if (this.others.size < MAX_OTHERS || this.others.has(key)) this.others.set(key, { device, metric, value, at });
  }

  #closeGap(time) {
    const gap = this.gaps.at(-1);
    if (gap?.to !== Infinity) return;
    gap.to = Math.max(time, gap.from);
    this.version += 1;
  }

  #forget(name) {
    this.#freeSlots.unshift(this.#devices.get(name).slot);
    this.#devices.delete(name);
    for (const [metric, lines] of this.metrics) {
      if (lines.delete(name) && lines.size === 0) this.metrics.delete(metric);
    }
  }
}

function remember(names, name) {
  if (names.size < MAX_NAMES) names.add(name);
}
