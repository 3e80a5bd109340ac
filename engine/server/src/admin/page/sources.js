// The sources of events, with their state and why.

import { count, date, number, since } from "./format.js";
import { state, table } from "./parts.js";

export function sourcesTable() {
  return table({
    label: "Sources",
    key: (source) => `${source.kind} ${source.urls?.join(" ")}`,
    none: "No source is configured.",
    columns: [
      { name: "Source", value: (source) => KINDS[source.kind] ?? source.kind ?? "source" },
      { name: "State", value: (source) => (source.connected ? state("good", "connected") : state("bad", "not connected")) },
      { name: "Address", text: true, value: (source) => source.connectedUrl || (source.urls ?? []).join(", ") },
      { name: "Speaks", wide: true, value: (source) => source.protocol || "–" },
      { name: "For", number: true, value: (source) => since(source.changedAt) },
      { name: "Reconnects", number: true, value: (source) => count(source.reconnects) },
      { name: "Last trouble", text: true, value: trouble },
    ],
  });
}

const KINDS = { mqtt: "MQTT", postgres: "PostgreSQL", nats: "NATS JetStream" };

function trouble(source) {
  if (!source.lastFailure) return "none";
  const { url, detail, failedAt } = source.lastFailure;
  const failed = number(source.failedAttempts);
  const tries = failed > 0 ? `${count(failed)} tries failed, the last: ` : "";
  const where = (source.urls ?? []).length > 1 ? ` (${url})` : "";
  return `${tries}${detail}${where}, ${date(failedAt)}`;
}
