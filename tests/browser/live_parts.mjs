// The parts of the live page that reckon, in the browser that runs them: node live_parts.mjs ADDRESS

import assert from "node:assert/strict";

import { open, run } from "./check.mjs";

const [address] = process.argv.slice(2);

await run(async (browser) => {
  const page = await open(browser, address);
  const parts = [aFullRingKeepsTheNewest, aCutLineHasNoValueThere, clocksAreComparedWithThemselves, scalesAreRound, marksDiffer];
  for (const part of parts) await part((work, given) => page.evaluate(work, given));
  assert.deepEqual(page.faults, []);
});

async function aFullRingKeepsTheNewest(inPage) {
  const ring = await inPage(async () => {
    const { Series } = await import("./series.js");
    const series = new Series();
    for (let n = 0; n < 10_000; n++) series.push(n, 2 * n);
    series.push(5, 7);
    const { begin, end, last } = series;
    return { kept: end - begin, oldest: series.value(begin), newest: series.time(end - 1), last, first: series.from(8000), at: series.at(8000.4) };
  });
  // What claims to be older than the point before it stands at that one's time.
  assert.deepEqual(ring, { kept: 4096, oldest: 11810, newest: 9999, last: 7, first: 8000, at: 16000 });
}

async function aCutLineHasNoValueThere(inPage) {
  const values = await inPage(async () => {
    const { Series } = await import("./series.js");
    const series = new Series();
    for (const [time, value] of [[0, 1], [10, 2]]) series.push(time, value);
    series.cut();
    series.cut();
    series.push(50, 3);
    return [-1, 1, 9, 30, 50, 60].map((time) => String(series.at(time))).concat(series.end, series.last);
  });
  assert.deepEqual(values, ["NaN", "1", "2", "NaN", "3", "3", 4, 3]);
}

async function clocksAreComparedWithThemselves(inPage) {
  const times = await inPage(async () => {
    const { DeviceClock } = await import("./clock.js");
    const clock = new DeviceClock();
    const at = (seconds) => new Date(Date.UTC(2026, 1, 16) + seconds * 1000).toISOString();
    return [
      clock.timeOf({ timestamp: at(0) }, 5_000),
      // It comes 30 s late, and stands where it was measured; so does one that is told in seconds since 1970.
      clock.timeOf({ timestamp: at(1) }, 36_000),
      clock.timeOf({ timestamp: Date.UTC(2026, 1, 16) / 1000 + 2 }, 36_000),
      // No time, a time that stands still, and a last value tell nothing.
      clock.timeOf({ timestamp: "noon" }, 37_000),
      clock.timeOf({ timestamp: at(2) }, 38_000),
      clock.timeOf({ timestamp: at(9), snapshot: true }, 39_000),
      // The device's clock was set back by an hour, then by a minute to the future.
      clock.timeOf({ timestamp: at(-3600) }, 40_000),
      clock.timeOf({ timestamp: at(100) }, 41_000),
    ];
  });
  assert.deepEqual(times, [5_000, 6_000, 7_000, 37_000, 38_000, 39_000, 40_000, 41_000]);
}

async function scalesAreRound(inPage) {
  const scales = await inPage(async () => {
    const { Scale } = await import("./scale.js");
    const ranges = [[0, 1], [21.3, 24.1], [50, 50], [0, 0], [Infinity, -Infinity], [-1e299, 1e299], [1, 1 + 2 ** -52]];
    return ranges.map(([low, high]) => {
      const scale = new Scale();
      scale.fit(low, high);
      return { isRound: [...scale.marks()].length <= 10, holds: low > high || (scale.holds(low) && scale.holds(high)), again: scale.fit(low, high) };
    });
  });
  for (const scale of scales) assert.deepEqual(scale, { isRound: true, holds: true, again: false });
}

async function marksDiffer(inPage) {
  const marks = await inPage(async () => {
    const { mark } = await import("./numbers.js");
    return [mark(0.725, 0.025), mark(0.75, 0.025), mark(384716.1, 0.1), mark(2_500_000, 500_000), mark(1.25e29, 1e27), mark(1482, 2)];
  });
  assert.deepEqual(marks, ["0.725", "0.750", "384716.1", "2.5M", "1.25e+29", "1482"]);
}
