// What a chart's two canvases show: the scale, which stands still, and the lines, which move.

import { colour } from "./colours.js";
import { mark } from "./numbers.js";

/** Width of the marks' column, and height of the times' row, in CSS pixels. The style sheet has them too. */
export const MARKS_WIDTH = 60;
export const TIMES_HEIGHT = 22;

/** Room above the highest and below the lowest mark. */
export const ROOM = 7;

const LINE = 1.6;
const FRONT_LINE = 3;
/** The radius of a point alone. */
const DOT = 1.5;
/** How much of a line is left while another one is in front. */
const FADED = 0.16;
/** A gap shows however short it was. */
const GAP_WIDTH = 4;

/** Sets a canvas's size in CSS pixels; whether that changed anything. */
export function resize(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width === wide && canvas.height === high) return;
  [canvas.width, canvas.height] = [wide, high];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.getContext("2d").scale(ratio, ratio);
}

/** Where a value is, from the top of a picture of this height. */
export const heightOf = (value, scale, height) =>
  ROOM + (1 - (value - scale.low) / (scale.high - scale.low)) * (height - 2 * ROOM);

/** The value at a distance from the top. */
export const valueAt = (y, scale, height) =>
  scale.low + (1 - (y - ROOM) / (height - 2 * ROOM)) * (scale.high - scale.low);

/** Draws the marks of the values on the left and those of the times below. */
export function drawScale(canvas, scale, look, windowMs, width, height) {
  const context = canvas.getContext("2d");
  const plotHeight = height - TIMES_HEIGHT;
  context.clearRect(0, 0, width, height);
  context.font = look.font;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of scale.marks()) {
    const y = Math.round(heightOf(value, scale, plotHeight)) + 0.5;
    context.strokeStyle = look.rule;
    context.beginPath();
    context.moveTo(MARKS_WIDTH, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillStyle = look.quiet;
    context.fillText(mark(value, scale.step), MARKS_WIDTH - 8, y, MARKS_WIDTH - 8);
  }
  context.textBaseline = "alphabetic";
  drawTimes(context, look, windowMs, width, height);
}

function drawTimes(context, look, windowMs, width, height) {
  const quarters = width > 380 ? 4 : 2;
  const unit = windowMs >= 300_000 ? [60_000, "min"] : [1000, "s"];
  const plotWidth = width - MARKS_WIDTH;
  for (let n = 0; n <= quarters; n++) {
    const back = (windowMs * (quarters - n)) / quarters / unit[0];
    context.textAlign = n === 0 ? "left" : n === quarters ? "right" : "center";
    const text = n === quarters ? "now" : `−${Number(back.toFixed(2))} ${unit[1]}`;
    context.fillText(text, MARKS_WIDTH + (plotWidth * n) / quarters, height - 6);
  }
}

/** Draws the shaded bands of the gaps. `at` gives a time's place. */
export function drawGaps(context, gaps, look, at, width, height) {
  for (const gap of gaps) {
    const from = at(gap.from);
    const to = gap.to === Infinity ? from + GAP_WIDTH : at(gap.to);
    if (to < 0 || from > width) continue;
    const wide = Math.max(GAP_WIDTH, to - from);
    context.fillStyle = look.gap;
    context.fillRect(from, 0, wide, height);
    context.fillStyle = look.gapEdge;
    context.fillRect(from, 0, wide, 3);
  }
}

/**
 * Draws a line's points from number `from` on; it breaks where the series is cut. `place` has the time at the left edge,
 * the pixels of a millisecond, and the height; `front` is the line in front, or null.
 */
export function drawLine(context, line, from, scale, { t0, perMs, height }, look, front) {
  const { series } = line;
  context.strokeStyle = colour(line.slot, look.dark);
  context.lineWidth = line === front ? FRONT_LINE : LINE;
  context.globalAlpha = front === null || line === front ? 1 : FADED;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  let [run, x, y] = [0, 0, 0];
  for (let n = from; n < series.end; n++) {
    const value = series.value(n);
    if (Number.isNaN(value)) {
      if (run === 1) dot(context, x, y);
      run = 0;
      continue;
    }
    x = (series.time(n) - t0) * perMs;
    y = heightOf(value, scale, height);
    if (run === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
    run += 1;
  }
  if (run === 1) dot(context, x, y);
  context.stroke();
}

/** A point that has no neighbour. */
function dot(context, x, y) {
  context.moveTo(x + DOT, y);
  context.arc(x, y, DOT, 0, 2 * Math.PI);
}
