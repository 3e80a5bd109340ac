// Numbers, times and sizes as people read them. The API leaves out what is zero, and has whole numbers as text.

const LOCALE = "en-GB";
const WHOLE = new Intl.NumberFormat(LOCALE);
const CLOCK = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });

// What stands where there is nothing to tell.
export const NONE = "–";

// A whole number of the API.
export function number(text) {
  return Number(text ?? 0);
}

// 1234567 as 1,234,567.
export function count(value) {
  return WHOLE.format(number(value));
}

// The same in a few characters: 1.23 M.
export function short(value) {
  for (const [size, unit] of [[1e9, " G"], [1e6, " M"], [1e4, " k"]]) {
    if (value >= size) {
      const scaled = value / (unit === " k" ? 1e3 : size);
      return scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0) + unit;
    }
  }
  if (value >= 10 || Number.isInteger(value)) return WHOLE.format(Math.round(value));
  return value.toFixed(1);
}

// So many a second.
export function rate(value) {
  return `${short(value ?? 0)}/s`;
}

// Bytes, in units of 1,024.
export function bytes(value) {
  let left = number(value);
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (left < 1024) return `${unit === "B" || left >= 100 ? Math.round(left) : left.toFixed(1)} ${unit}`;
    left /= 1024;
  }
  return `${left.toFixed(1)} TiB`;
}

// Seconds as 340 µs, 1.2 ms, 15 s, 4 min 10 s, 3 h 5 min, 2 d 4 h.
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds === 0) return "0 s";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${seconds < 10 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  for (const [size, unit, smaller, small] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (whole >= size) {
      const rest = Math.floor((whole % size) / smaller);
      return `${Math.floor(whole / size)} ${unit}${rest > 0 ? ` ${rest} ${small}` : ""}`;
    }
  }
  return `${whole} s`;
}

// Seconds of a duration as the API has it: "1.500s".
export function seconds(text) {
  return text ? Number.parseFloat(text) : 0;
}

// The time of day of a moment.
export function clock(moment) {
  return CLOCK.format(new Date(moment));
}

// Day and time of a moment.
export function date(moment) {
  return moment ? DATE.format(new Date(moment)) : NONE;
}

// For how long a moment lies back.
export function since(moment) {
  return moment ? duration(Math.max(0, Math.round((Date.now() - new Date(moment)) / 1000))) : NONE;
}

// A share as a percentage.
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

// "1 stream", "2 streams".
export function some(value, one, many = `${one}s`) {
  return `${count(value)} ${number(value) === 1 ? one : many}`;
}
