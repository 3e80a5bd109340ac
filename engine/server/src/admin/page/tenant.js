// One tenant: its state and counts, its limits, its groups and its streams.

import { ApiError, call } from "./api.js";
import { ask } from "./dialogs.js";
import { announce, fill, h, repeat } from "./dom.js";
import { bytes, count, some } from "./format.js";
import { groupsOf } from "./groups.js";
import { limitsForm } from "./limits.js";
import { acting, facts, link, notice, section, title } from "./parts.js";
import { to } from "./router.js";
import { streamsOf } from "./streams.js";
import { upstream } from "./tenants.js";

// Milliseconds between two looks.
const LOOK = 2000;
const REASON_BYTES = 123;

export function tenant({ place, id, signal }) {
  const state = facts(["Source", "Streams", "WebSocket", "SSE and tails", "Groups", "Kept to resume"]);
  const counts = facts(["Events from its devices", "Delivered", "Dropped", "Conflated", "Sent"]);
  const told = h("div.notices");
  const outcome = h("div.notices");
  place.append(
    title(id, "tenant",
      h("a.button", { href: to("tail", undefined, { tenant: id }) }, "Live tail"),
      h("a.button", { href: to("journal", undefined, { tenant: id }) }, "Journal"),
      acting("Disconnect all…", () => disconnectAll(id, outcome), { class: "danger" })),
    told, outcome,
    h("div.pair", {}, section("Now", null, state.element), section("Since it is served", null, counts.element)),
    streamsOf(id, signal),
    h("div.pair", {}, section("Limits", "blank: the default holds", limitsForm(id, signal)), groupsOf(id, signal)));
  repeat(signal, LOOK, async () => {
    try {
      const { tenant: one } = await call("GetTenant", { tenantId: id }, signal);
      fill(told, one.upstreamRefusal && notice("bad", `The source refuses this tenant, so that its streams get no events: ${one.upstreamRefusal}`));
      state.set({
        Source: upstream(one),
        Streams: `${count(one.connections)} of ${limit(one.limits?.connectionsPerTenant)}`,
        WebSocket: count(one.websocket),
        "SSE and tails": count(one.sse),
        Groups: link(count(one.groups), to("groups", undefined, { tenant: id })),
        "Kept to resume": `${some(one.replayEvents, "event")}, ${bytes(one.replayBytes)}`,
      });
      counts.set({
        "Events from its devices": count(one.events),
        Delivered: count(one.delivered),
        Dropped: count(one.dropped),
        Conflated: count(one.conflated),
        Sent: bytes(one.sentBytes),
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "not_found") return;
      fill(told, notice("plain", "The gateway does not serve this tenant now: it has no streams. Its limits and groups can be set all the same."));
      state.set({});
      counts.set({});
    }
  });
}

function limit(value) {
  return value ? count(value) : "any number";
}

async function disconnectAll(tenantId, outcome) {
  const reason = await ask({
    heading: `Disconnect all streams of ${tenantId}?`,
    text: "WebSocket clients see the close code 4010 and the reason, SSE clients the end of their answer. They may come back at once.",
    yes: "Disconnect all",
    reason: { label: "Reason", bytes: REASON_BYTES, hint: `What the clients are told; may be empty. At most ${REASON_BYTES} bytes.` },
  });
  if (reason === null) return;
  try {
    const { ended } = await call("Disconnect", { tenantId, reason });
    fill(outcome, notice("good", `${some(ended, "stream")} ended.`));
    announce(`${some(ended, "stream")} ended.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(outcome, notice("bad", error.message));
  }
}
