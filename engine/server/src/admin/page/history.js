// What the charts show: of each status of the last minutes a sample, with what follows from two of them.

import { number, seconds } from "./format.js";

// Seconds that are kept.
export const SPAN = 300;
// Over so many seconds delivery times are looked at, so that a quiet gateway shows some.
export const TIMES_OVER = 10;

const samples = [];

// The samples so far, the oldest first.
export function history() {
  return samples;
}

// Takes a status that came now. Counts of another run of the gateway can't be compared: the lines are interrupted.
export function take(status) {
  const at = Date.now();
  if (samples.length > 0 && samples.at(-1).node && samples.at(-1).node !== status.node.id) interrupt();
  const counts = (status.deliveryTimes?.counts ?? []).map(number);
  const uptime = seconds(status.node.uptime);
  const busy = (status.shards ?? []).map((shard) => seconds(shard.busy));
  const sample = {
    at, node: status.node.id, counts, uptime, busy,
    websocket: number(status.connections.websocket),
    sse: number(status.connections.sse),
    received: status.lastSecond.received ?? 0,
    delivered: status.lastSecond.delivered ?? 0,
    dropped: status.lastSecond.dropped ?? 0,
    refused: status.lastSecond.refused ?? 0,
    ...times(status, counts, uptime),
    loads: loads(busy, uptime),
  };
  samples.push(sample);
  while (samples[0].at < at - SPAN * 1000) samples.shift();
}

// Notes that nothing was heard: no line goes over the time without an answer.
export function interrupt() {
  if (samples.length > 0 && samples.at(-1).node) samples.push({ at: samples.at(-1).at + 1, node: null, websocket: null, sse: null });
}

// The median, the 99th and the 99.9th of a hundred of the deliveries since some seconds, in seconds; null without any.
function times(status, counts, uptime) {
  const before = samples.find((sample) => sample.node === status.node.id && sample.uptime >= uptime - TIMES_OVER - 0.5);
  const bounds = (status.deliveryTimes?.boundsMicroseconds ?? []).map((bound) => number(bound) / 1e6);
  const grown = before ? counts.map((count, n) => count - before.counts[n]) : counts.map(() => 0);
  return { p50: quantile(bounds, grown, 0.5), p99: quantile(bounds, grown, 0.99), p999: quantile(bounds, grown, 0.999) };
}

// Below which time this share of the deliveries stayed, taken as evenly spread within a class. Beyond the last bound: that
// bound.
export function quantile(bounds, counts, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  let left = share * total;
  for (const [n, count] of counts.entries()) {
    if (left <= count && count > 0) {
      const from = n === 0 ? 0 : bounds[n - 1];
      return n < bounds.length ? from + ((bounds[n] - from) * left) / count : bounds.at(-1);
    }
    left -= count;
  }
  return bounds.at(-1);
}

// How much of a core each shard took since the status before.
function loads(busy, uptime) {
  const before = samples.findLast((sample) => sample.node && uptime - sample.uptime >= 0.9);
  if (!before || before.uptime >= uptime) return busy.map(() => null);
  return busy.map((now, n) => Math.max(0, Math.min(1, (now - (before.busy[n] ?? 0)) / (uptime - before.uptime))));
}
