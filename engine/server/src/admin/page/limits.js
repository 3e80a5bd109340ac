// Limits: the default, and those of a tenant, each set by itself or not at all.

import { ApiError, call } from "./api.js";
import { fill, h } from "./dom.js";
import { count, date } from "./format.js";
import { boxes, choice, field, form, text } from "./forms.js";
import { acting, notice, section, title } from "./parts.js";
import { to } from "./router.js";
import { POLICY_CHOICES, policyOf } from "./words.js";

const NUMBERS = {
  connections_per_tenant: ["connectionsPerTenant", "Streams of a tenant", "On each gateway; 0: no limit but the gateway's own."],
  queue_size: ["queueSize", "Events that a stream may lag", "From 1 to 1,000,000."],
  filter_ids: ["filterIds", "Devices, groups and metrics in a filter", "Of each kind, from 1 to 1,000,000."],
  client_messages_per_second: ["clientMessagesPerSecond", "Messages of a client in a second", "From 1 to 1,000,000. Who sends more is read more slowly."],
};
const UNSAID = "OVERFLOW_POLICY_UNSPECIFIED";

// The form of a tenant's limits, or without one of the default. What is blank is not set here.
export function limitsForm(tenantId, signal) {
  const fields = {};
  for (const [path, [, label, hint]] of Object.entries(NUMBERS)) fields[path] = field(label, text({ inputmode: "numeric" }), hint);
  fields.overflow = field("When a stream lags further", choice([[UNSAID, "not set here"], ...POLICY_CHOICES], UNSAID));
  fields.overflow_allowed = boxes("What a stream may choose instead", POLICY_CHOICES, "None checked: not set here.");
  const known = h("div.notices");
  const show = (answer) => {
    const own = answer.own ?? {};
    for (const [path, [name]] of Object.entries(NUMBERS)) {
      fields[path].input.value = own[name] ?? "";
      fields[path].input.placeholder = `${count(answer.effective[name])} holds now`;
    }
    fields.overflow.input.value = own.overflow ?? UNSAID;
    fields.overflow.input.options[0].text = `${policyOf(answer.effective.overflow)} holds now`;
    fields.overflow_allowed.values = own.overflowAllowed ?? [];
    fill(known, answer.knownAt && notice("warn", `As last read ${date(answer.knownAt)}: the gateway does not follow the source that keeps limits.`));
  };
  const load = async () => show(await call("GetLimits", { tenantId }, signal));
  const clear = acting("Set none", () => made.run(async () => {
    const { cleared } = await call("ClearLimits", { tenantId });
    await load();
    return cleared ? "Nothing is set here any more." : "Nothing was set here.";
  }));
  const made = form({
    label: tenantId ? "Limits of the tenant" : "Default limits", fields, send: "Set limits", more: [clear],
    work: async () => {
      const limits = read(fields);
      if (Object.keys(limits).length === 0) throw new ApiError("invalid_argument", "All is blank. To set none there is the other button.");
      await call("SetLimits", { tenantId, limits });
      await load();
      return "The limits hold now, on every gateway. A lower one ends no stream; it admits no new one.";
    },
  });
  load().catch((error) => error instanceof ApiError && made.tell("bad", error.message));
  return h("div", {}, known, made.element);
}

// Those that are given. What is no whole number is refused by the gateway, with the rest of the reasons.
function read(fields) {
  const limits = {};
  for (const [path, [name]] of Object.entries(NUMBERS)) {
    const given = fields[path].input.value.replaceAll(/[\s,]/g, "");
    if (given === "") continue;
    if (!/^\d{1,10}$/.test(given)) throw new ApiError("invalid_argument", `${path}: must be a whole number, not negative`);
    limits[name] = Number(given);
  }
  if (fields.overflow.input.value !== UNSAID) limits.overflow = fields.overflow.input.value;
  if (fields.overflow_allowed.values.length > 0) limits.overflowAllowed = fields.overflow_allowed.values;
  return limits;
}

export function limits({ place, signal }) {
  const wanted = field("Tenant", text({ required: true }), "It need not be connected.");
  const pick = h("form.filters", { "aria-label": "Limits of a tenant" }, wanted.element, h("button", { type: "submit" }, "Show its limits"));
  pick.addEventListener("submit", (event) => {
    event.preventDefault();
    if (wanted.input.value.trim()) location.hash = to("tenants", wanted.input.value.trim());
  });
  place.append(
    title("Limits", "what tenants and their streams may take"),
    section("Default", "for every tenant that has none of its own; blank: the gateway's configuration holds", limitsForm("", signal)),
    section("Of one tenant", "on its page", pick));
}
