// Explain: whether an event would reach a stream, and which stage would stop it.

import { call } from "./api.js";
import { fill, h } from "./dom.js";
import { choice, field, form, names, text } from "./forms.js";
import { badge, section, title } from "./parts.js";
import { stageOf } from "./words.js";

export function explain({ place, query, signal }) {
  const kind = field("Event", choice([["sample", "named in a few words"], ["message", "as a device would publish it"]], "sample"));
  const fields = {
    connection_id: field("Stream", text({ value: query.get("stream") ?? "" }), "Its id, from the list of streams."),
    kind,
    tenant_id: field("Tenant", text(), "Blank: the stream's own."),
    device_id: field("Device", text()),
    metric_names: field("Metrics", text(), "That the event has, separated by commas."),
    topic: field("Topic", text({ placeholder: "tenant/T/device/D/telemetry" })),
    payload: field("Payload", h("textarea", { rows: 4, spellcheck: "false", placeholder: '{"metrics":{"temperature":21.5}}' })),
  };
  const result = h("div.result");
  const only = { sample: ["tenant_id", "device_id", "metric_names"], message: ["topic", "payload"] };
  const swap = () => {
    for (const [name, own] of Object.entries(only)) for (const each of own) fields[each].element.hidden = kind.input.value !== name;
  };
  kind.input.addEventListener("change", swap);
  swap();
  const made = form({
    label: "A stream and an event", fields, send: "Explain", changes: false,
    work: async () => {
      fill(result);
      const answer = await call("Explain", await request(fields, signal), signal);
      fill(result, verdict(answer));
      return "";
    },
  });
  place.append(title("Explain", "whether an event would reach a stream; nothing is delivered or counted"), made.element, result);
}

async function request(fields, signal) {
  const value = (name) => fields[name].input.value.trim();
  const connectionId = value("connection_id");
  if (value("kind") === "message") {
    const bytes = new TextEncoder().encode(fields.payload.input.value);
    return { connectionId, message: { topic: value("topic"), payload: btoa(String.fromCharCode(...bytes)) } };
  }
  const sample = { tenantId: value("tenant_id"), deviceId: value("device_id"), metricNames: names(fields.metric_names.input.value) };
  if (!sample.tenantId && connectionId) {
    const { connection } = await call("GetConnection", { connectionId }, signal);
    sample.tenantId = connection.tenantId;
  }
  return { connectionId, sample };
}

function verdict(answer) {
  const metrics = answer.metricNames ?? [];
  const outcome = answer.delivered
    ? `It would be delivered${metrics.length > 0 ? `, with ${metrics.join(", ")}` : ""}.`
    : `It would not be delivered: the stage ${stageOf(answer.stoppedBy)} stops it.`;
  const steps = (answer.steps ?? []).map((step) =>
    h("li", {}, badge(step.passed ? "good" : "bad", step.passed ? "passes" : "stops"), h("b.name", {}, stageOf(step.stage)), h("span", {}, step.detail)));
  return section("What would become of it", null, h("p.verdict", { role: "status" }, outcome), h("ol.steps", {}, steps));
}
