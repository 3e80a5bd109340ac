// One metric: a chart with a line for each device.
//
// The lines are not drawn anew for each picture. Their canvas is wider than what is shown, and is moved to the left by the
// browser's compositor; a new value adds a piece to its line. Only when the canvas is used up, or the scale or what is in
// front has changed, everything is drawn again. So fifty lines at sixty pictures a second cost next to nothing.

import { element, setText } from "./dom.js";
import { MARKS_WIDTH, TIMES_HEIGHT, drawGaps, drawLine, drawScale, pen, resize } from "./draw.js";
import { Legend } from "./legend.js";
import { counted, value as written } from "./numbers.js";
import { Reading } from "./reading.js";
import { Scale } from "./scale.js";

/** How much wider the canvas of the lines is than what is shown: for so long it needs no new drawing. */
const SPARE = 0.25;

/** A move of less, in CSS pixels, is not to be seen. */
const SEEN = 0.05;

export class Chart {
  isVisible = false;
  #view;
  #lines;
  #scale = new Scale();
  #grid = element("canvas", { class: "grid" });
  #moving = element("canvas", { class: "lines" });
  #summary = element("p", { class: "summary" });
  #legend;
  #reading;
  #size = { width: 0, height: 0 };
  #drawnTo = new Map();
  #version = -1;
  #t0 = 0;
  #perMs = 0;
  #until = -Infinity;
  #moved = NaN;

  /** `lines` is the store's map of this metric; `view` is what all charts share. */
  constructor(metric, lines, view) {
    this.metric = metric;
    this.#lines = lines;
    this.#view = view;
    this.#legend = new Legend(metric, lines, view);
    this.#reading = new Reading(metric, lines, view);
    const shutter = element("div", { class: "shutter" }, this.#moving);
    const plot = this.#reading.element;
    plot.prepend(this.#grid, shutter);
    const title = element("h3", {}, metric);
    const head = element("div", { class: "head" }, title, this.#summary);
    this.element = element("article", { class: "chart", "aria-label": metric }, head, plot, this.#legend.element);
    new ResizeObserver(([{ contentRect }]) => this.#resize(contentRect)).observe(plot);
  }

  /** Whether the lines that this chart was made for are still those of the store. */
  isOf(lines) {
    return this.#lines === lines;
  }

  /** Everything is to be drawn again. */
  redraw() {
    this.#until = -Infinity;
  }

  draw(now) {
    if (!this.isVisible || this.#size.width === 0) return;
    const isSame = this.#version === this.#view.store.version && this.#drawnTo.size === this.#lines.size;
    if (!isSame || now > this.#until || !this.#extend()) this.#drawAll(now);
    const moved = (this.#t0 + this.#view.windowMs - now) * this.#perMs;
    if (!(Math.abs(moved - this.#moved) < SEEN)) {
      this.#moved = moved;
      this.#moving.style.transform = `translateX(${moved.toFixed(2)}px)`;
    }
    this.#reading.follow(now);
  }

  /** Brings what is written up to date. */
  write(now) {
    if (!this.isVisible) return;
    this.#legend.write();
    this.#reading.write(now);
    setText(this.#summary, this.#summaryOf());
  }

  #summaryOf() {
    let [low, high] = [Infinity, -Infinity];
    for (const { series } of this.#lines.values()) {
      const last = series.end > 0 ? series.value(series.end - 1) : NaN;
      if (last < low) low = last;
      if (last > high) high = last;
    }
    const devices = counted(this.#lines.size, "device");
    if (low > high) return devices;
    return low === high ? `${devices}, ${written(low)}` : `${devices}, ${written(low)} to ${written(high)}`;
  }

  /** Adds what is new to the lines; false if that does not fit the scale. */
  #extend() {
    const context = this.#moving.getContext("2d");
    for (const line of this.#lines.values()) {
      const { series } = line;
      const drawnTo = this.#drawnTo.get(line.device);
      if (drawnTo === undefined) return false;
      if (drawnTo === series.end) continue;
      const from = Math.max(series.begin, drawnTo - 1);
      for (let n = from; n < series.end; n++) {
        const value = series.value(n);
        if (!Number.isNaN(value) && !this.#scale.holds(value)) return false;
      }
      pen(context, line, this.#view.look, this.#view.front);
      drawLine(context, series, from, this.#scale, this.#t0, this.#perMs, this.#plotHeight);
      this.#drawnTo.set(line.device, series.end);
    }
    return true;
  }

  #drawAll(now) {
    const { store, windowMs, look, front } = this.#view;
    const { width, height } = this.#size;
    const plotWidth = width - MARKS_WIDTH;
    this.#t0 = now - windowMs;
    this.#perMs = plotWidth / windowMs;
    this.#until = now + windowMs * SPARE;
    this.#version = store.version;
    this.#fitScale(this.#t0);
    drawScale(this.#grid, this.#scale, look, windowMs, width, height);
    const context = this.#moving.getContext("2d");
    context.globalAlpha = 1;
    context.clearRect(0, 0, plotWidth * (1 + SPARE), height);
    drawGaps(context, store.gaps, look, (time) => (time - this.#t0) * this.#perMs, plotWidth * (1 + SPARE), height);
    this.#drawnTo.clear();
    context.lineCap = context.lineJoin = "round";
    for (const line of this.#lines.values()) if (line.device !== front) this.#drawWhole(context, line);
    // Above all others.
    if (this.#lines.has(front)) this.#drawWhole(context, this.#lines.get(front));
  }

  #drawWhole(context, line) {
    const { series } = line;
    pen(context, line, this.#view.look, this.#view.front);
    const from = Math.max(series.begin, series.from(this.#t0) - 1);
    drawLine(context, series, from, this.#scale, this.#t0, this.#perMs, this.#plotHeight);
    this.#drawnTo.set(line.device, series.end);
  }

  #fitScale(since) {
    let [low, high] = [Infinity, -Infinity];
    for (const { series } of this.#lines.values()) {
      for (let n = Math.max(series.begin, series.from(since) - 1); n < series.end; n++) {
        const value = series.value(n);
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    this.#scale.fit(low, high);
  }

  get #plotHeight() {
    return this.#size.height - TIMES_HEIGHT;
  }

  #resize({ width, height }) {
    this.#size = { width, height };
    resize(this.#grid, width, height);
    resize(this.#moving, (width - MARKS_WIDTH) * (1 + SPARE), height - TIMES_HEIGHT);
    this.redraw();
  }
}
