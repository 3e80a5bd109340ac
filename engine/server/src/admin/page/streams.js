// The live streams: by tenant, transport and subject, page by page.

import { h } from "./dom.js";
import { count, number, seconds, since, duration } from "./format.js";
import { choice, field, text } from "./forms.js";
import { paged } from "./paged.js";
import { level, link, section, title } from "./parts.js";
import { to } from "./router.js";
import { transportOf, wanted } from "./words.js";

export function streamColumns() {
  return [
    { name: "Stream", text: true, value: (stream) => link(stream.connectionId, to("streams", stream.connectionId)) },
    { name: "Tenant", text: true, value: (stream) => link(stream.tenantId, to("tenants", stream.tenantId)) },
    { name: "Transport", wide: true, value: (stream) => transportOf(stream.transport) },
    { name: "Waiting", value: queue },
    { name: "Behind for", number: true, wide: true, value: (stream) => (stream.slowFor ? duration(seconds(stream.slowFor)) : "–") },
    { name: "Dropped", number: true, value: (stream) => count(stream.dropped) },
  ];
}

// How full the stream's ring is.
export function queue(stream) {
  const [depth, capacity] = [number(stream.queueDepth), number(stream.queueCapacity)];
  return level(depth / capacity, `${count(depth)} of ${count(capacity)}`, "events that wait, of those that may");
}

// A list of streams that all of `request` applies to. Those of one tenant need not name it in each row.
export function streamsList(request, signal, { size, ofTenant } = {}) {
  const tenant = { name: "Tenant", text: true, value: (stream) => link(stream.tenantId, to("tenants", stream.tenantId)) };
  return paged({
    name: "ListConnections", field: "connections", request, signal, size,
    label: "Streams", key: (stream) => stream.connectionId,
    none: "No live stream fits. A stream is here as soon as a client is connected.",
    columns: [
      { name: "Stream", text: true, value: (stream) => link(stream.connectionId, to("streams", stream.connectionId)) },
      ...(ofTenant ? [] : [tenant]),
      { name: "Subject", text: true, wide: true, value: (stream) => stream.subject || "–" },
      { name: "Transport", value: (stream) => transportOf(stream.transport) },
      { name: "Wants", text: true, wide: true, value: (stream) => wanted(stream.filters) },
      { name: "Waiting", value: queue },
      { name: "Delivered", number: true, value: (stream) => count(stream.delivered) },
      { name: "Dropped", number: true, value: (stream) => count(stream.dropped) },
      { name: "Live for", number: true, wide: true, value: (stream) => since(stream.connectedAt) },
    ],
  });
}

export function streams({ place, query, signal }) {
  const tenant = field("Tenant", text({ type: "search", value: query.get("tenant") ?? "" }));
  const subject = field("Subject", text({ type: "search" }));
  const transport = field("Transport", choice([["", "any"], ["TRANSPORT_WEBSOCKET", "WebSocket"], ["TRANSPORT_SSE", "SSE"]], ""));
  const asked = () => ({
    tenantId: tenant.input.value.trim(),
    subject: subject.input.value.trim(),
    transport: transport.input.value || "TRANSPORT_UNSPECIFIED",
  });
  const list = streamsList(asked(), signal);
  const filters = h("form.filters", { "aria-label": "Which streams" }, tenant.element, subject.element, transport.element);
  filters.addEventListener("change", () => list.ask(asked()));
  filters.addEventListener("submit", (event) => (event.preventDefault(), list.ask(asked())));
  place.append(title("Streams", "live on this gateway now; exact names, Enter applies them"), filters, list.element);
}

// The streams of one tenant, as a part of its page.
export function streamsOf(tenantId, signal) {
  return section("Streams", "live now", streamsList({ tenantId }, signal, { size: 10, ofTenant: true }).element);
}
