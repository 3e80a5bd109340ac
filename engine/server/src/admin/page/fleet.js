// The drain of this gateway, and all gateways that share its control store.

import { call } from "./api.js";
import { ask } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { clock, count, duration, number, rate, seconds, some } from "./format.js";
import { field, form, text } from "./forms.js";
import { eachStatus } from "./live.js";
import { acting, meter, notice, section, state, table, title } from "./parts.js";

const SPREAD_MOST = 86_400;

export function fleet({ place, signal }) {
  const progress = h("div.notices");
  const spread = field(
    "Spread over, in seconds",
    text({ inputmode: "decimal" }),
    "Streams are told to come back elsewhere evenly over this time. Blank: http.drain_spread_seconds; 0: all at once.",
  );
  const cancel = acting("Cancel the drain", () =>
    made.run(async () => {
      await call("CancelDrain");
      return "New streams are admitted again. Those that were not told yet stay.";
    }),
  );
  const made = form({ label: "Drain", fields: { spread }, send: "Drain…", more: [cancel], work: () => drain(spread) });
  const gateways = table({
    label: "Gateways",
    key: (gateway) => gateway.node?.id ?? "sum",
    columns: gatewayColumns(),
    none: "No gateway is known yet.",
  });
  const follows = h("div.notices");
  place.append(
    title("Drain and fleet"),
    section(
      "Drain",
      "empties this gateway: no new stream, and each live one is told to come back elsewhere",
      progress,
      made.element,
    ),
    section("Fleet", "all gateways that share the control store", follows, gateways.element),
  );
  eachStatus(signal, ({ status, fleet: all }) => {
    tellProgress(progress, status);
    cancel.hidden = !status.draining;
    fill(
      follows,
      all &&
        !all.synced &&
        notice(
          "warn",
          "The gateway does not follow the control store: the others are as they were last heard of, or missing.",
        ),
    );
    const there = all?.gateways ?? [];
    gateways.show(there.length > 0 ? [...there, { load: all.total }] : []);
  });
}

async function drain(spread) {
  const given = spread.input.value.trim();
  if (given !== "" && !(Number(given) >= 0 && Number(given) <= SPREAD_MOST)) {
    spread.wrong(`From 0 to ${count(SPREAD_MOST)}.`);
    spread.input.focus();
    return "";
  }
  const over =
    given === "" ? "over the configured time" : Number(given) === 0 ? "at once" : `over ${duration(Number(given))}`;
  const yes = await ask({
    heading: "Drain this gateway?",
    text: `No new stream is admitted, and live ones are told to go, ${over}. It can be cancelled.`,
    yes: "Drain",
  });
  if (yes === null) return "";
  const answer = await call("Drain", given === "" ? {} : { spread: `${Number(given)}s` });
  return `The drain has begun with ${some(answer.drain.connections, "stream")}.`;
}

function tellProgress(place, status) {
  const drain = status.drain;
  if (!drain) return fill(place, h("p.quiet", {}, "This gateway does not drain: it admits new streams."));
  const [all, left] = [number(drain.connections), number(drain.remaining)];
  const why = drain.stopping ? "This gateway stops, so the drain can't be cancelled." : "";
  const begun = `Draining since ${clock(drain.startedAt)}, over ${duration(seconds(drain.spread))}.`;
  const words = `${begun} ${count(left)} of ${some(all, "stream")} left, ${count(drain.untold)} not told yet. ${why}`;
  fill(place, notice("warn", words, meter(all === 0 ? 1 : 1 - left / all, `${count(all - left)} gone`)));
}

function gatewayColumns() {
  const load = (name, shown) => (gateway) => shown(gateway.load?.[name]);
  return [
    { name: "Gateway", text: true, value: (gateway) => (gateway.node ? gateway.node.name || gateway.node.id : "Sum") },
    { name: "State", value: gatewayState },
    { name: "Version", wide: true, value: (gateway) => gateway.node?.version ?? "" },
    { name: "WebSocket", number: true, value: load("websocket", count) },
    { name: "SSE", number: true, value: load("sse", count) },
    { name: "Tenants", number: true, wide: true, value: load("tenants", count) },
    { name: "Events", number: true, wide: true, value: load("eventsPerSecond", (n) => rate(number(n))) },
    { name: "Deliveries", number: true, value: load("deliveriesPerSecond", (n) => rate(number(n))) },
    { name: "Dropped", number: true, value: load("dropped", count) },
  ];
}

function gatewayState(gateway) {
  if (!gateway.node) return "";
  if (gateway.draining) return state("warn", "draining");
  return state("good", gateway.answering ? "serves (this one)" : "serves");
}
