// The journal: what happens at the gateway while one looks.

import { h } from "./dom.js";
import { clock, count } from "./format.js";
import { feed } from "./feed.js";
import { boxes, field, form, text } from "./forms.js";
import { badge, section, title } from "./parts.js";
import { to } from "./router.js";
import { endOf, transportOf } from "./words.js";

const KINDS = [
  ["EVENT_KIND_OPENED", "opened"],
  ["EVENT_KIND_CLOSED", "ended"],
  ["EVENT_KIND_REFUSED", "refused"],
  ["EVENT_KIND_LIMIT_HIT", "limit hit"],
  ["EVENT_KIND_BROKER", "sources"],
];
const LIMITS = {
  LIMIT_KIND_QUEUE_SIZE: "lags as many events as it may",
  LIMIT_KIND_CLIENT_MESSAGES: "sends more messages than it may and is read more slowly",
};

export function journal({ place, query, signal }) {
  const fields = {
    tenant_id: field("Tenant", text({ value: query.get("tenant") ?? "" }), "Blank: all."),
    kinds: boxes("Kinds", KINDS, "None checked: all."),
  };
  const list = feed({
    name: "WatchEvents",
    label: "Journal",
    signal,
    row,
    none: "Nothing has happened since you came. Streams that come, go or are refused appear here, the newest first.",
  });
  const begin = async () =>
    void list.start({ tenantId: fields.tenant_id.input.value.trim(), kinds: fields.kinds.values }, (error) =>
      made.run(async () => {
        throw error;
      }),
    );
  const made = form({ label: "What to tell", fields, send: "Apply", changes: false, work: begin });
  place.append(
    title("Journal", "from now on; nothing is kept of what was before"),
    made.element,
    section("What happens", "the newest first", list.element),
  );
  made.run(begin);
}

function row(message) {
  const entry = told(message);
  if (!entry) return null;
  const [tone, word, ...what] = entry;
  return h("li", {}, h("time", {}, clock(message.at)), badge(tone, word), h("span", {}, ...what));
}

function told({ opened, closed, refused, limitHit, brokerUp, brokerDown, brokerFailed, gap }) {
  if (opened) return ["good", "opened", ...who(opened.stream), opened.userAgent ? `, ${opened.userAgent}` : ""];
  if (closed)
    return [
      "plain",
      "ended",
      ...who(closed.stream),
      `: ${endOf(closed.reason)}`,
      closed.closeCode ? ` (${closed.closeCode})` : "",
    ];
  if (refused) {
    const more = refused.detail || (refused.check && `check ${refused.check.replaceAll("_", " ")}`);
    return [
      "bad",
      "refused",
      ...tenant(refused.tenantId),
      `${refused.peer}: ${endOf(refused.reason)}`,
      more ? `; ${more}` : "",
    ];
  }
  if (limitHit)
    return [
      "warn",
      "limit hit",
      ...tenant(limitHit.tenantId),
      ...streamLink(limitHit.connectionId),
      ` ${LIMITS[limitHit.limit] ?? limitHit.limit}`,
    ];
  if (brokerUp) return ["good", "source up", brokerUp.url];
  if (brokerDown)
    return ["bad", "source lost", `${brokerDown.url}${brokerDown.detail ? `: ${brokerDown.detail}` : ""}`];
  if (brokerFailed)
    return [
      "bad",
      "source not reached",
      `${brokerFailed.url}: ${brokerFailed.detail} (${count(brokerFailed.failedAttempts)} tries)`,
    ];
  if (gap) return ["warn", "missed", `${count(gap.missed)} happenings are missing here: this page was too slow`];
  return null;
}

function who(stream) {
  const subject = stream.subject ? `, ${stream.subject}` : "";
  return [
    ...tenant(stream.tenantId),
    ...streamLink(stream.connectionId),
    `, ${transportOf(stream.transport)} from ${stream.peer}${subject}`,
  ];
}

function tenant(id) {
  return id ? [h("a", { href: to("tenants", id) }, id), " "] : [];
}

function streamLink(id) {
  return ["stream ", h("a", { href: to("streams", id) }, id)];
}
