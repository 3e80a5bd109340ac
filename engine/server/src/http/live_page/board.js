// All charts: which there are, in which order, and what they share.

import { isDark } from "./theme.js";

import { Chart } from "./chart.js";

export class Board {
  windowMs = 60_000;
  /** How lines, marks and gaps look in the scheme of now. */
  look = {};
  /** The device whose line is in front everywhere, or null; pinned until its name is pressed again. */
  front = null;
  pinned = null;
  store;
  #charts = new Map();
  #place;
  #frozenAt = null;
  #watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) this.#chartOf(target).isVisible = isIntersecting;
  }, { rootMargin: "100px" });

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

  draw(now) {
    if (this.isPaused) now = this.#frozenAt;
    for (const chart of this.#charts.values()) chart.draw(now);
  }

  write(now) {
    if (this.isPaused) now = this.#frozenAt;
    this.#followMetrics();
    for (const chart of this.#charts.values()) chart.write(now);
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
  }

  #remove(metric, chart) {
    this.#watcher.unobserve(chart.element);
    chart.element.remove();
    this.#charts.delete(metric);
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
