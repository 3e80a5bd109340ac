// Draws lines over time: an SVG that takes its colours from the style sheet, so that light and dark need nothing here.

import { fill, h, say, svg } from "./dom.js";
import { clock, duration, NONE } from "./format.js";

const HEIGHT = 148;
const EDGE = { top: 8, right: 8, bottom: 20, left: 48 };
const TICKS = 3;
// Seconds that a chart covers at least, so that the first ones fill it soon.
const SPAN_MIN = 60;

// A chart of the last `span` seconds, or of as many as there are samples of. Each of `lines` has a name and `value`, which reads its number from a sample; null
// means that there is none, and the line is interrupted. `least` is the end of the scale where all are zero. Samples have their time `at` in milliseconds.
export function chart({ title, hint, format, span, lines, least = 1 }) {
  const values = lines.map(() => h("dd.value", {}, NONE));
  const legend = h("dl.legend", {}, lines.map((line, n) => h("div", {}, h(`dt.line-${n + 1}`, {}, line.name), values[n])));
  const drawing = svg("svg", { role: "img", height: HEIGHT, "aria-label": `${title}: nothing yet` });
  const plot = h("div.plot", {}, drawing);
  const note = h("p.hint", {}, hint);
  const head = h("div.head", {}, h("h3", {}, title), note);
  const element = h("figure.chart", {}, h("figcaption", {}, head, legend), plot);
  let samples = [];
  let pointed = null;

  const draw = () => {
    const width = plot.clientWidth;
    if (width === 0) return;
    const end = samples.at(-1)?.at ?? Date.now();
    const covered = Math.min(span * 1000, Math.max(SPAN_MIN * 1000, end - (samples[0]?.at ?? end)));
    const area = { ...EDGE, width, height: HEIGHT, end, span: covered };
    const top = nice(Math.max(...lines.flatMap((line) => samples.map(line.value)).filter(Number.isFinite), 0), least);
    drawing.setAttribute("width", width);
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    fill(drawing, grid(area, top, format), axis(area), lines.map((line, n) => path(area, top, samples, line.value, n + 1)));
    if (samples.length === 0) return;
    // The values are those of the newest sample, or of the one at the pointer.
    let sample = samples.at(-1);
    if (pointed !== null) {
      sample = samples.reduce((one, other) => (distance(area, other, pointed) < distance(area, one, pointed) ? other : one));
      const x = across(area, sample.at);
      drawing.append(svg("line.pointer", { x1: x, x2: x, y1: area.top, y2: HEIGHT - area.bottom }));
    }
    lines.forEach((line, n) => say(values[n], shown(line.value(sample), format)));
    say(note, pointed === null ? hint : `at ${clock(sample.at)}`);
  };

  plot.addEventListener("pointermove", (event) => ((pointed = event.clientX - plot.getBoundingClientRect().left), draw()));
  plot.addEventListener("pointerleave", () => ((pointed = null), draw()));
  new ResizeObserver(draw).observe(plot);

  return {
    element,
    // Shows these samples, the oldest first.
    show(all) {
      const first = (all.at(-1)?.at ?? 0) - span * 1000;
      samples = all.filter((sample) => sample.at >= first);
      drawing.setAttribute("aria-label", inWords(title, lines, samples, format, span));
      draw();
    },
  };
}

function shown(value, format) {
  return value === null || value === undefined ? NONE : format(value);
}

// The chart for those who can't see it.
function inWords(title, lines, samples, format, span) {
  const told = lines.map((line) => {
    const values = samples.map(line.value).filter((value) => value !== null && value !== undefined);
    if (values.length === 0) return `${line.name}: nothing yet`;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return `${line.name}: now ${shown(line.value(samples.at(-1)), format)}, lowest ${format(low)}, highest ${format(high)}`;
  });
  return `${title}, last ${Math.round(span / 60)} minutes. ${told.join(". ")}.`;
}

// The end of the scale: such that half of it is a round number, too.
function nice(highest, least) {
  if (!(highest > 0)) return least;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 4, 10].find((step) => step * power >= highest) * power;
}

function across(area, at) {
  const share = 1 - (area.end - at) / area.span;
  return area.left + share * (area.width - area.left - area.right);
}

function down(area, top, value) {
  const height = area.height - area.top - area.bottom;
  return area.top + (1 - Math.min(value / top, 1)) * height;
}

function distance(area, sample, x) {
  return Math.abs(across(area, sample.at) - x);
}

function grid(area, top, format) {
  const ticks = Array.from({ length: TICKS }, (_, n) => (top * n) / (TICKS - 1));
  return ticks.map((value) => {
    const y = down(area, top, value);
    return svg("g", {},
      svg("line.grid", { x1: area.left, x2: area.width - area.right, y1: y, y2: y }),
      svg("text.tick", { x: area.left - 8, y: y + 4, "text-anchor": "end" }, format(value)));
  });
}

function axis(area) {
  const y = area.height - 4;
  return [
    svg("text.tick", { x: area.left, y }, `${duration(area.span / 1000)} ago`),
    svg("text.tick", { x: area.width - area.right, y, "text-anchor": "end" }, "now"),
  ];
}

// A line through all samples that have a value. Where one has none the line is interrupted.
function path(area, top, samples, value, number) {
  let steps = "";
  let drawn = false;
  for (const sample of samples) {
    const here = value(sample);
    if (here === null || here === undefined) {
      drawn = false;
      continue;
    }
    steps += `${drawn ? "L" : "M"}${across(area, sample.at).toFixed(1)} ${down(area, top, here).toFixed(1)}`;
    drawn = true;
  }
  return svg(`path.line-${number}`, { d: steps, fill: "none" });
}
