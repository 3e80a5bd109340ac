// All charts: which there are, in which order, and what they share.

import { isDark } from "./theme.js";

import { Chart } from "./chart.js";

/** Charts that are drawn within one picture, so that none takes long. */
const AT_ONCE = 3;

/** How far from the screen a chart counts as seen already. */
const NEAR = "200px 0px";

export class Board {
  windowMs = 30_000;
  /** How lines, marks and gaps look in the scheme of now. */
  look = {};
  /** The device whose line is in front everywhere, or null; pinned until its name is pressed again. */
  front = null;
  pinned = null;
  store;
  #charts = new Map();
  /** The charts once more, as a list, and which of them was drawn last. */
  #list = [];
  #last = 0;
  #place;
  #frozenAt = null;
  #watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) this.#chartOf(target).isVisible = isIntersecting;
  }, { rootMargin: NEAR });

  constructor(place, store) {
    this.#place = place;
    this.store = store;
    this.recolour();
  }

  /** What is drawn stands still from now on, or moves again. Data are kept either way. */
  pause(isPaused) {
    this.#frozenAt = isPaused ? performance.now() : null;
  }

  get isPaused() {
    return this.#frozenAt !== null;
  }

  show(windowMs) {
    this.windowMs = windowMs;
    this.#redraw();
  }

  /** Brings a device's line to the front while somebody looks at its name. */
  lookAt(device) {
    this.#bringToFront(device ?? this.pinned);
  }

  /** Keeps it there, or no longer. */
  pin(device) {
    this.pinned = this.pinned === device ? null : device;
    this.#bringToFront(this.pinned);
  }

  /** Reads the colours from the style sheet. */
  recolour() {
    const style = getComputedStyle(this.#place);
    const read = (name) => style.getPropertyValue(name);
    this.look = {
      dark: isDark(),
      font: `12px ${style.fontFamily}`,
      quiet: read("--quiet"),
      rule: read("--rule"),
      gap: read("--gap"),
      gapEdge: read("--gap-edge"),
    };
    this.#redraw();
  }

  /** One picture: a few charts are drawn, in turn, and all are moved. */
  draw(now) {
    if (this.isPaused) now = this.#frozenAt;
    const charts = this.#list;
    let drawn = 0;
    for (let n = 0; n < charts.length && drawn < AT_ONCE; n++) {
      this.#last = (this.#last + 1) % charts.length;
      if (!charts[this.#last].isDue(now)) continue;
      charts[this.#last].draw(now);
      drawn += 1;
    }
    for (const chart of charts) chart.move(now);
  }

  write(now) {
    this.#followMetrics();
    for (const chart of this.#list) {
      if (this.isPaused) chart.read(this.#frozenAt);
      else chart.write(now);
    }
  }

  /** A chart for each metric that has lines, by name. */
  #followMetrics() {
    const { metrics } = this.store;
    for (const [metric, chart] of this.#charts) {
      if (!chart.isOf(metrics.get(metric))) this.#remove(metric, chart);
    }
    for (const [metric, lines] of metrics) if (!this.#charts.has(metric)) this.#add(metric, lines);
  }

  #add(metric, lines) {
    const chart = new Chart(metric, lines, this);
    const next = [...this.#charts.keys()].filter((other) => other > metric).sort()[0];
    this.#charts.set(metric, chart);
    this.#place.insertBefore(chart.element, this.#charts.get(next)?.element ?? null);
    this.#watcher.observe(chart.element);
    this.#list = [...this.#charts.values()];
  }

  #remove(metric, chart) {
    this.#watcher.unobserve(chart.element);
    chart.element.remove();
    this.#charts.delete(metric);
    this.#list = [...this.#charts.values()];
  }

  #chartOf(target) {
    for (const chart of this.#charts.values()) if (chart.element === target) return chart;
    // It has been removed meanwhile.
    return {};
  }

  #bringToFront(device) {
    if (this.front === device) return;
    this.front = device;
    this.#redraw();
  }

  #redraw() {
    for (const chart of this.#charts.values()) chart.redraw();
  }
}
