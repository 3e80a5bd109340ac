// How numbers and times are written.

const counts = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A count: 12,345. */
export const count = (n) => counts.format(n);

/** "1 event", "12 events". */
export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A rate, with a decimal where that says something. */
export const rate = (n) => (n >= 100 || n === 0 ? count(Math.round(n)) : n.toFixed(1));

/** The time of day of a moment of `performance.now()`. */
export const timeOfDay = (at) => clock.format(performance.timeOrigin + at);

/** A duration that has passed: "just now", "12 s ago", "3 min ago". */
export function ago(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 1) return "just now";
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

/** A measured value as a person reads it. What JavaScript can't hold exactly is marked as rounded. */
export function value(v) {
  if (Math.abs(v) > Number.MAX_SAFE_INTEGER) return `≈ ${v.toPrecision(6)}`;
  const text = String(v);
  return text.length <= 12 ? text : String(Number(v.toPrecision(8)));
}

/** A mark of an axis whose marks are `step` apart. */
export function mark(v, step) {
  const size = Math.max(Math.abs(v), step);
  if (size >= 1e15 || step < 1e-6) {
    const digits = Math.floor(Math.log10(size)) - Math.floor(Math.log10(step));
    return v === 0 ? "0" : v.toExponential(Math.min(4, digits));
  }
  // Short, unless neighbours would read the same.
  if (size >= 1e5 && step >= size / 100) return compact.format(v);
  return v.toFixed(decimalsOf(step));
}

/** Decimals that a step has: none for 20, one for 2.5, three for 0.025. */
function decimalsOf(step) {
  for (let decimals = 0; decimals < 8; decimals++) {
    const shifted = step * 10 ** decimals;
    if (Math.abs(shifted - Math.round(shifted)) < shifted * 1e-6) return decimals;
  }
  return 8;
}
