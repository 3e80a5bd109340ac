// One metric: a chart with a line for each device.
//
// The lines are not drawn anew for each picture. Their canvas is wider than what is shown, and the browser's compositor moves it
// to the left; it is drawn again some times a second at most, when something new has come. So fifty lines at sixty pictures a
// second cost little.

import { element, setText } from "./dom.js";
import { MARKS_WIDTH, TIMES_HEIGHT, drawGaps, drawLine, drawScale, resize } from "./draw.js";
import { Legend } from "./legend.js";
import { value as written } from "./numbers.js";
import { Reading } from "./reading.js";
import { Scale } from "./scale.js";

/** How much wider the canvas of the lines is than what is shown: for so long it needs no new drawing. */
const SPARE = 0.25;

/** Between two drawings of what is new: at least so long, and at least until it has moved by so much in CSS pixels. */
const FRESH_MS = 120;
const FRESH_PX = 1;

/** A chart that is not to be seen is brought up to date this often. */
const UNSEEN_MS = 1000;

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
  #none = element("p", { class: "none" }, "No value in the time shown");
  #legend;
  #reading;
  #size = { width: 0, height: 0 };
  #drawn = { at: -Infinity, points: -1, version: -1 };
  /** The scale is to be drawn, whether it is another one or not. */
  #isBlank = true;
  #t0 = 0;
  #perMs = 0;
  #until = -Infinity;
  #moved = NaN;
  #writtenAt = -Infinity;

  /** `lines` is the store's map of this metric; `view` is what all charts share. */
  constructor(metric, lines, view) {
    this.metric = metric;
    this.#lines = lines;
    this.#view = view;
    this.#legend = new Legend(metric, lines, view);
    this.#reading = new Reading(metric, lines, view, this.#scale);
    const shutter = element("div", { class: "shutter" }, this.#moving);
    const plot = this.#reading.element;
    plot.prepend(this.#grid, shutter, this.#none);
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
    this.#isBlank = true;
    this.#until = -Infinity;
  }

  /** Whether it has to be drawn again before it is moved. */
  isDue(now) {
    if (this.#size.width === 0) return false;
    const age = now - this.#drawn.at;
    if (!this.isVisible) return age >= UNSEEN_MS;
    if (now > this.#until || this.#drawn.version !== this.#view.store.version) return true;
    return age >= FRESH_MS && age * this.#perMs >= FRESH_PX && this.#drawn.points !== this.#points();
  }

  /** Moves the lines to where they are at `now`. */
  move(now) {
    if (!this.isVisible && this.#drawn.at !== now) return;
    const moved = (this.#t0 + this.#view.windowMs - now) * this.#perMs;
    if (!(Math.abs(moved - this.#moved) < SEEN)) {
      this.#moved = moved;
      this.#moving.style.transform = `translateX(${moved.toFixed(2)}px)`;
    }
    this.#reading.follow(now);
  }

  /** Points that ever came. */
  #points() {
    let points = 0;
    for (const { series } of this.#lines.values()) points += series.end;
    return points;
  }

  /** Brings what is written up to date. */
  write(now) {
    if (!this.isVisible && now - this.#writtenAt < UNSEEN_MS) return;
    this.#writtenAt = now;
    this.#legend.write();
    setText(this.#summary, this.#summaryOf());
    this.#none.hidden = this.#hasValueSince(now - this.#view.windowMs);
    this.read(now);
  }

  /** The values at the pointer. */
  read(now) {
    this.#reading.write(now);
  }

  #hasValueSince(time) {
    for (const { series } of this.#lines.values()) if (series.end > 0 && series.time(series.end - 1) >= time) return true;
    return false;
  }

  #summaryOf() {
    let [low, high] = [Infinity, -Infinity];
    for (const { series } of this.#lines.values()) {
      if (series.last < low) low = series.last;
      if (series.last > high) high = series.last;
    }
    if (low > high) return "";
    return low === high ? written(low) : `${written(low)} to ${written(high)}`;
  }

  /** Draws scale, gaps and lines as they are at `now`. */
  draw(now) {
    const { store, windowMs, look } = this.#view;
    const { width, height } = this.#size;
    const [wide, high] = [(width - MARKS_WIDTH) * (1 + SPARE), height - TIMES_HEIGHT];
    this.#t0 = now - windowMs;
    this.#perMs = (width - MARKS_WIDTH) / windowMs;
    this.#until = now + windowMs * SPARE;
    const isScaled = this.#fitScale(this.#t0);
    if (isScaled || this.#isBlank) drawScale(this.#grid, this.#scale, look, windowMs, width, height);
    this.#isBlank = false;
    const context = this.#moving.getContext("2d");
    context.globalAlpha = 1;
    context.clearRect(0, 0, wide, high);
    drawGaps(context, store.gaps, look, (time) => (time - this.#t0) * this.#perMs, wide, high);
    const front = this.#lines.get(this.#view.front) ?? null;
    for (const line of this.#lines.values()) if (line !== front) this.#drawLine(context, line, front);
    // Above all others.
    if (front) this.#drawLine(context, front, front);
    this.#drawn = { at: now, points: this.#points(), version: store.version };
  }

  #drawLine(context, line, front) {
    const from = Math.max(line.series.begin, line.series.from(this.#t0) - 1);
    const place = { t0: this.#t0, perMs: this.#perMs, height: this.#size.height - TIMES_HEIGHT };
    drawLine(context, line, from, this.#scale, place, this.#view.look, front);
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
    return this.#scale.fit(low, high);
  }

  #resize({ width, height }) {
    this.#size = { width, height };
    resize(this.#grid, width, height);
    resize(this.#moving, (width - MARKS_WIDTH) * (1 + SPARE), height - TIMES_HEIGHT);
    this.redraw();
  }
}
