// One live stream: who it is, what it wants, what waits for it and what it missed; and its end.

import { ApiError, call } from "./api.js";
import { chart } from "./chart.js";
import { ask } from "./dialogs.js";
import { announce, fill, h, repeat } from "./dom.js";
import { bytes, count, date, duration, number, seconds, short, since } from "./format.js";
import { acting, facts, link, notice, section, title } from "./parts.js";
import { to } from "./router.js";
import { transportOf } from "./words.js";
import { queue } from "./streams.js";

// Milliseconds between two looks, and seconds of the charts.
const LOOK = 1000;
const SPAN = 120;
// Of a WebSocket close frame (RFC 6455, 5.5).
const REASON_BYTES = 123;

export function stream({ place, id, signal }) {
  const who = facts(["Tenant", "Subject", "Transport", "Peer", "Client", "Live since", "Token expires"], ".lone");
  const wants = facts(["Devices", "Groups", "Metrics"], ".lone");
  const fates = facts(["Delivered", "Dropped", "Conflated", "Held", "Sent", "Last write"]);
  const ring = facts(["Waiting", "Behind for"]);
  const lines = chart({
    title: "Events",
    hint: "a second",
    format: short,
    span: SPAN,
    lines: [
      { name: "Delivered", value: (s) => s.delivered },
      { name: "Missed", value: (s) => s.missed },
    ],
  });
  const outcome = h("div.notices");
  const end = acting("Disconnect…", () => disconnect(id, outcome), { class: "danger" });
  const samples = [];
  let before = null;
  place.append(
    title(
      `Stream ${id}`,
      null,
      h("a.button", { href: to("explain", undefined, { stream: id }) }, "Explain an event"),
      end,
    ),
    outcome,
    h("div.pair", {}, section("Who", null, who.element), section("What it wants", "its filter", wants.element)),
    h(
      "div.pair",
      {},
      section("What waits for it", "its ring", ring.element, lines.element),
      section(
        "What became of its events",
        "since it began",
        fates.element,
        h(
          "p.hint",
          {},
          "All that matched its filter were delivered, dropped, conflated or are held. Dropped ones are told to the client as gaps, " +
            "with their number; conflated ones gave way to newer ones of their device, as the client asked.",
        ),
      ),
    ),
  );
  const ended = new AbortController();
  repeat(AbortSignal.any([signal, ended.signal]), LOOK, async () => {
    try {
      const { connection } = await call("GetConnection", { connectionId: id }, signal);
      who.set(identity(connection));
      wants.set(filter(connection.filters ?? {}));
      ring.set({
        Waiting: queue(connection),
        "Behind for": connection.slowFor ? duration(seconds(connection.slowFor)) : "keeps up",
      });
      fates.set(ledger(connection));
      before = sampled(samples, before, connection);
      lines.show(samples);
    } catch (error) {
      if (!(error instanceof ApiError)) return;
      if (error.code !== "not_found") return;
      ended.abort();
      end.disabled = true;
      if (outcome.childElementCount === 0)
        fill(outcome, notice("warn", "This stream is not live any more. What stands here is as it last was."));
    }
  });
}

async function disconnect(id, outcome) {
  const reason = await ask({
    heading: "Disconnect this stream?",
    text: "A WebSocket client sees the close code 4010 and the reason, an SSE client the end of its answer. It may come back at once.",
    yes: "Disconnect",
    reason: {
      label: "Reason",
      bytes: REASON_BYTES,
      hint: `What the client is told; may be empty. At most ${REASON_BYTES} bytes.`,
    },
  });
  if (reason === null) return;
  try {
    await call("Disconnect", { connectionId: id, reason });
    fill(outcome, notice("good", "The stream was ended. What stands here is as it last was."));
    announce("The stream was ended.");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(outcome, notice("bad", error.message));
  }
}

function identity(one) {
  const more = [one.http2 && "HTTP/2", one.tls && "TLS"].filter(Boolean);
  return {
    Tenant: link(one.tenantId, to("tenants", one.tenantId)),
    Subject: one.subject || "none in its token",
    Transport: [transportOf(one.transport), ...more].join(", "),
    Peer: one.peer,
    Client: one.userAgent || "did not say",
    "Live since": `${date(one.connectedAt)} (${since(one.connectedAt)})`,
    "Token expires": date(one.expiresAt),
  };
}

function filter(filters) {
  const [devices, groups] = [filters.deviceIds ?? [], filters.groupIds ?? []];
  const nothing = !filters.allDevices && devices.length + groups.length === 0;
  return {
    Devices: filters.allDevices ? "all" : devices.join(", ") || (nothing ? "none: it gets nothing" : "none by name"),
    Groups: groups.join(", ") || "none",
    Metrics: (filters.metricNames ?? []).join(", ") || "all",
  };
}

function ledger(one) {
  return {
    Delivered: count(one.delivered),
    Dropped: count(one.dropped),
    Conflated: count(one.conflated),
    Held: count(one.held),
    Gaps: count(one.gaps),
    Sent: bytes(one.sentBytes),
    "Last write": ago(one.lastWriteAt),
  };
}

// To about a second, as the gateway has it.
function ago(moment) {
  if (!moment) return "none yet";
  return Date.now() - new Date(moment) < 2000 ? "just now" : `${since(moment)} ago`;
}

// Adds how fast it went since the look before.
function sampled(samples, before, one) {
  const now = { at: Date.now(), delivered: number(one.delivered), missed: number(one.dropped) + number(one.conflated) };
  if (before) {
    const passed = (now.at - before.at) / 1000;
    samples.push({
      at: now.at,
      delivered: (now.delivered - before.delivered) / passed,
      missed: (now.missed - before.missed) / passed,
    });
    while (samples[0].at < now.at - SPAN * 1000) samples.shift();
  }
  return now;
}
