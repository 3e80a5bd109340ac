// The tenants that the gateway serves: by page, or those whose name holds what is looked for.

import { ApiError, call } from "./api.js";
import { fill, h, say, sleep } from "./dom.js";
import { bytes, count } from "./format.js";
import { field, text } from "./forms.js";
import { paged } from "./paged.js";
import { link, notice, state, table, title } from "./parts.js";
import { to } from "./router.js";

// Tenants of one answer while they are searched, and rows that are shown of what was found.
const SEARCHED = 1000;
const FOUND = 50;
// Milliseconds without a key until the search begins.
const TYPING = 250;

export function tenantColumns() {
  return [
    { name: "Tenant", text: true, value: (tenant) => link(tenant.tenantId, to("tenants", tenant.tenantId)) },
    { name: "Source", wide: true, value: upstream },
    { name: "Streams", number: true, value: (tenant) => count(tenant.connections) },
    { name: "Events", number: true, wide: true, value: (tenant) => count(tenant.events) },
    { name: "Delivered", number: true, value: (tenant) => count(tenant.delivered) },
    { name: "Dropped", number: true, value: (tenant) => count(tenant.dropped) },
  ];
}

// Whether the source gives the tenant's events.
export function upstream(tenant) {
  if (tenant.upstreamRefusal) return state("bad", "refused");
  return tenant.subscribed ? state("good", "subscribed") : state("warn", "waiting");
}

export function tenants({ place, query, signal }) {
  const columns = [...tenantColumns(), { name: "Kept to resume", number: true, wide: true, value: (tenant) => bytes(tenant.replayBytes) }];
  const shape = { label: "Tenants", key: (tenant) => tenant.tenantId, columns };
  const all = paged({
    ...shape, name: "ListTenants", field: "tenants", signal,
    none: "No tenant is served now. A tenant is served from its first stream until some time after its last one has left.",
  });
  const found = table({ ...shape, none: "No tenant that is served now has this in its name." });
  const told = h("p.place", { role: "status" });
  const results = h("div", {}, found.element, told);
  const lists = h("div", {}, all.element);
  const wanted = field("Name contains", text({ type: "search", value: query.get("name") ?? "" }));
  const open = h("a.button", { href: "#/tenants" }, "Open by exact name");
  let searching = new AbortController();

  const look = async () => {
    searching.abort();
    searching = new AbortController();
    const part = wanted.input.value.trim();
    open.hidden = part === "";
    open.href = to("tenants", part);
    if (part === "") return fill(lists, all.element);
    const ending = AbortSignal.any([signal, searching.signal]);
    await sleep(TYPING, ending);
    if (ending.aborted) return;
    fill(lists, results);
    try {
      await search(part, ending, found, told);
    } catch (error) {
      if (error instanceof ApiError && !ending.aborted) fill(lists, notice("bad", error.message));
    }
  };
  wanted.input.addEventListener("input", look);
  place.append(title("Tenants", "served by this gateway now"), h("div.filters", {}, wanted.element, open), lists);
  look();
}

// Looks through all tenants, and shows the first that are found.
async function search(part, signal, found, told) {
  const wanted = part.toLowerCase();
  const shown = [];
  let [looked, hits, pageToken] = [0, 0, ""];
  do {
    const answer = await call("ListTenants", { pageSize: SEARCHED, pageToken }, signal);
    if (signal.aborted) return;
    const page = answer.tenants ?? [];
    const fitting = page.filter((tenant) => tenant.tenantId.toLowerCase().includes(wanted));
    shown.push(...fitting.slice(0, FOUND - shown.length));
    looked += page.length;
    hits += fitting.length;
    pageToken = answer.nextPageToken ?? "";
    found.show(shown);
  } while (pageToken);
  const first = hits > FOUND ? `, the first ${FOUND} are shown` : "";
  say(told, `${count(hits)} of ${count(looked)} tenants${first}`);
}
