// A live tail: a tenant's events as a subscriber with these filters would see them.

import { h } from "./dom.js";
import { clock, count } from "./format.js";
import { feed } from "./feed.js";
import { field, form, names, text } from "./forms.js";
import { button, section, title } from "./parts.js";
import { gapOf } from "./words.js";

export function tail({ place, query, signal }) {
  const fields = {
    tenant_id: field("Tenant", text({ value: query.get("tenant") ?? "" })),
    device_ids: field("Devices", text({ value: query.get("device") ?? "" }), "Separated by commas; blank: all."),
    group_ids: field("Groups", text(), "Separated by commas."),
    metric_names: field("Metrics", text(), "Separated by commas; blank: all."),
  };
  const list = feed({
    name: "Tail", label: "Events", signal, row,
    none: "Nothing yet. Name a tenant and start; events appear here as its devices publish them, the newest first.",
  });
  const asked = () => ({
    tenantId: fields.tenant_id.input.value.trim(),
    deviceIds: names(fields.device_ids.input.value),
    groupIds: names(fields.group_ids.input.value),
    metricNames: names(fields.metric_names.input.value),
  });
  const stop = button("Stop", () => list.stop());
  const made = form({
    label: "What to show", fields, send: "Start", changes: false, more: [stop],
    // It goes on beside the form, and only what the gateway refuses comes back to it.
    work: async () => void list.start(asked(), (error) => made.run(async () => { throw error; })),
  });
  place.append(
    title("Live tail", "shows events; takes no place of a stream, and slows nobody"),
    made.element, section("Events", "the newest first", list.element));
  if (asked().tenantId) made.run(async () => void list.start(asked(), (error) => made.run(async () => { throw error; })));
}

function row(message) {
  if (message.event) {
    const { device, metrics, timestamp } = cut(message.event.json);
    return h("li", {}, h("time", {}, clock(Date.now())), h("b.name", {}, device),
      h("code", {}, breakable(metrics)), h("span.hint", { title: "the event's own timestamp" }, timestamp));
  }
  if (message.gap) {
    const missing = message.gap.dropped === undefined ? "events may be missing" : `${count(message.gap.dropped)} events are missing`;
    return h("li.gap", {}, h("time", {}, clock(Date.now())), h("b.name", {}, "gap"), `${missing}: ${gapOf(message.gap.reason)}`);
  }
  return null;
}

// A text that breaks behind commas rather than within a word.
function breakable(text) {
  return text.split(/(?<=,)/).flatMap((part) => [part, h("wbr")]);
}

// The parts of an event. The metrics are its own text, so that 72.10 stays 72.10: they stand between two keys whose order is
// fixed.
function cut(json) {
  const [from, to] = [json.indexOf('"metrics":'), json.lastIndexOf(',"timestamp":')];
  const event = JSON.parse(json);
  const timestamp = event.timestamp === null ? "" : typeof event.timestamp === "string" ? event.timestamp : JSON.stringify(event.timestamp);
  return { device: event.device_id, metrics: json.slice(from + '"metrics":'.length, to), timestamp };
}
