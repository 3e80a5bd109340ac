// The overview: how the gateway does now, and did in the last minutes.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { bytes, count, duration, number, rate, seconds, short, some } from "./format.js";
import { history, SPAN, TIMES_OVER } from "./history.js";
import { eachStatus } from "./live.js";
import { facts, level, link, notice, section, table, title } from "./parts.js";
import { to } from "./router.js";
import { sourcesTable } from "./sources.js";
import { streamColumns } from "./streams.js";
import { tenantColumns } from "./tenants.js";
import { endOf, rejectionOf } from "./words.js";

export function overview({ place, signal }) {
  const amiss = h("div.notices");
  const charts = makeCharts();
  const sources = sourcesTable();
  const shards = shardsTable();
  const busiest = table({
    label: "Busiest tenants",
    key: (tenant) => tenant.tenantId,
    columns: tenantColumns(),
    none: "No tenant is served now. One is from its first stream on.",
  });
  const slowest = table({
    label: "Slowest streams",
    key: (stream) => stream.connectionId,
    columns: streamColumns(),
    none: "Every stream keeps up: no event waits for any of them.",
  });
  const totals = facts([
    "Running for",
    "Streams opened",
    "Limit of streams",
    "Events delivered",
    "Events dropped",
    "Gaps sent to slow streams",
    "Bytes sent",
    "Memory of waiting events",
    "Messages received",
    "Events without metrics",
    "Limits of tenants",
    "Groups",
  ]);
  const ended = reasons("Why streams ended", "No stream has ended since the start.", endOf);
  const refused = reasons("Why streams were refused", "No stream was refused since the start.", endOf);
  const rejected = reasons(
    "Why messages were dropped on arrival",
    "Every message since the start became an event.",
    rejectionOf,
  );
  place.append(
    title("Overview"),
    amiss,
    h(
      "section",
      { "aria-label": "The last minutes" },
      h("h2.unseen", {}, "The last minutes"),
      h(
        "div.charts",
        {},
        charts.map(({ element }) => element),
      ),
    ),
    section("Sources", "where events come from", sources.element),
    h(
      "div.pair",
      {},
      section("Busiest tenants", "most deliveries in the last second", busiest.element),
      section("Slowest streams", "most events waiting", slowest.element),
    ),
    h(
      "div.pair",
      {},
      section("Shards", "threads that write to streams", shards.element),
      section("Since the start", null, totals.element),
    ),
    h("div.trio", {}, ended.element, refused.element, rejected.element),
  );
  eachStatus(signal, ({ status, busiestTenants, slowestConnections }) => {
    tellAmiss(amiss, status);
    for (const { show } of charts) show(history());
    sources.show(status.sources ?? []);
    shards.show((status.shards ?? []).map((shard, n) => ({ ...shard, n, load: history().at(-1).loads[n] })));
    busiest.show(busiestTenants ?? []);
    slowest.show(slowestConnections ?? []);
    ended.show(status.connections.closedByReason);
    refused.show(status.connections.refusedByReason);
    rejected.show(status.ingest.rejectedByReason);
    totals.set(sinceStart(status));
  });
}

function makeCharts() {
  const whole = (value) => short(Math.round(value));
  return [
    chart({
      title: "Streams",
      hint: "live now",
      format: whole,
      span: SPAN,
      least: 2,
      lines: [
        { name: "WebSocket", value: (s) => s.websocket },
        { name: "SSE", value: (s) => s.sse },
      ],
    }),
    chart({
      title: "Events",
      hint: "a second",
      format: short,
      span: SPAN,
      lines: [
        { name: "Deliveries", value: (s) => s.delivered },
        { name: "Received", value: (s) => s.received },
      ],
    }),
    chart({
      title: "Drops and refusals",
      hint: "a second",
      format: short,
      span: SPAN,
      lines: [
        { name: "Events dropped", value: (s) => s.dropped },
        { name: "Streams refused", value: (s) => s.refused },
      ],
    }),
    chart({
      title: "Delivery time",
      hint: `source to stream, over ${TIMES_OVER} s`,
      format: duration,
      span: SPAN,
      least: 0.001,
      log: true,
      lines: [
        { name: "p50", value: (s) => s.p50 },
        { name: "p99", value: (s) => s.p99 },
        { name: "p99.9", value: (s) => s.p999 },
      ],
    }),
  ];
}

function shardsTable() {
  return table({
    label: "Shards",
    key: (shard) => shard.n,
    none: "This gateway tells of no shards.",
    columns: [
      { name: "Shard", value: (shard) => `shard ${shard.n}` },
      {
        name: "Busy",
        value: (shard) =>
          level(shard.load ?? 0, shard.load === null ? "–" : `${(shard.load * 100).toFixed(1)} %`, "share of one core"),
      },
      { name: "Inbox", number: true, value: (shard) => `${count(shard.inbox)} of ${count(shard.inboxCapacity)}` },
      { name: "Busy in all", number: true, wide: true, value: (shard) => duration(seconds(shard.busy)) },
    ],
  });
}

// Counts by reason: those that are not zero, the most first.
function reasons(heading, none, words) {
  const rows = table({
    label: heading,
    key: ([label]) => label,
    none,
    columns: [
      { name: "Reason", value: ([label]) => words(label) },
      { name: "Count", number: true, value: ([, n]) => count(n) },
    ],
  });
  return {
    element: section(heading, "since the start", rows.element),
    show(counts = {}) {
      const there = Object.entries(counts).filter(([, n]) => number(n) > 0);
      rows.show(there.sort(([, one], [, other]) => number(other) - number(one)));
    },
  };
}

function sinceStart(status) {
  const { connections, deliveries, ingest, control } = status;
  return {
    "Running for": duration(seconds(status.node.uptime)),
    "Streams opened": count(connections.opened),
    "Limit of streams": count(status.limits.connections),
    "Events delivered": count(deliveries.delivered),
    "Events dropped": count(deliveries.dropped),
    "Gaps sent to slow streams": count(deliveries.overflowGaps),
    "Bytes sent": bytes(deliveries.sentBytes),
    "Memory of waiting events": bytes(deliveries.heldBytes),
    "Messages received": `${count(ingest.received)}, ${rate(status.lastSecond.received)}`,
    "Events without metrics": count(ingest.withoutMetrics),
    "Limits of tenants": link(some(control.tenantLimits, "tenant"), to("limits")),
    Groups: link(count(control.groups), to("groups")),
  };
}

// What an operator has to know before all else.
function tellAmiss(place, status) {
  const told = [];
  for (const { detail } of status.unready ?? []) told.push(["bad", `No new stream can begin: ${detail}.`]);
  if (!status.control.synced)
    told.push([
      "warn",
      "Limits and groups are as they were last read: the gateway does not follow the source that keeps them.",
    ]);
  if (number(status.refusedUpstream) > 0) {
    told.push([
      "bad",
      `${some(status.refusedUpstream, "live stream")} get no events: the source refuses their tenant. The tenant's page tells why.`,
    ]);
  }
  for (const { topic, detail } of status.control.problems ?? [])
    told.push(["warn", `${topic} is not applied: ${detail}.`]);
  const key = JSON.stringify(told);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...told.map(([tone, text]) => notice(tone, text)));
}
