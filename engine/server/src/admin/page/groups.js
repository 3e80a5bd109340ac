// Groups: named sets of a tenant's devices, shown, put and deleted.

import { ApiError, call } from "./api.js";
import { ask } from "./dialogs.js";
import { announce, fill, h } from "./dom.js";
import { count, date, some } from "./format.js";
import { field, form, names, text } from "./forms.js";
import { paged } from "./paged.js";
import { acting, button, notice, section, title } from "./parts.js";
import { to } from "./router.js";

// The groups of a tenant, as a part of a view.
export function groupsOf(tenantId, signal) {
  const known = h("div.notices");
  const editor = h("div");
  const list = paged({
    name: "ListGroups", field: "groups", request: { tenantId }, size: 20, signal, label: "Groups",
    key: (group) => group.groupId, none: "This tenant has no groups.",
    columns: [
      { name: "Group", text: true, value: (group) => ({ key: group.groupId, make: () => button(group.groupId, () => edit(group.groupId), { class: "like-link" }) }) },
      { name: "Devices", number: true, value: (group) => count(group.devices) },
      {
        name: "Delete",
        value: (group) => ({ key: group.groupId, make: () => acting("Delete…", () => remove(group.groupId), { "aria-label": `Delete group ${group.groupId}` }) }),
      },
    ],
    known: ({ knownAt }) =>
      fill(known, knownAt && notice("warn", `As last read ${date(knownAt)}: the gateway does not follow the source that keeps groups.`)),
  });
  const report = (error) => {
    if (!(error instanceof ApiError)) throw error;
    fill(known, notice("bad", error.message));
  };
  const edit = async (groupId) => {
    try {
      const { group } = await call("GetGroup", { tenantId, groupId }, signal);
      fill(editor, groupForm(tenantId, group, () => fill(editor), list.look));
      editor.querySelector("textarea").focus();
    } catch (error) {
      report(error);
    }
  };
  const remove = async (groupId) => {
    const words = "Streams with this group in their filter live on and get nothing for it.";
    if ((await ask({ heading: `Delete group ${groupId}?`, text: words, yes: "Delete" })) === null) return;
    try {
      await call("DeleteGroup", { tenantId, groupId });
      announce(`Group ${groupId} is deleted.`);
      await list.look();
    } catch (error) {
      report(error);
    }
  };
  const create = acting("New group", () => {
    fill(editor, groupForm(tenantId, null, () => fill(editor), list.look));
    editor.querySelector("input").focus();
  });
  return section("Groups", "named sets of its devices", known, list.element, h("div.row", {}, create), editor);
}

// The form of a group; without one, of a new one.
function groupForm(tenantId, group, close, changed) {
  const fields = {
    group_id: field("Group", text({ value: group?.groupId ?? "", readonly: group !== null })),
    device_ids: field("Devices", h("textarea", { rows: 6, spellcheck: "false" }), "One a line. They need not be known yet. None: streams with only this group get nothing."),
  };
  fields.device_ids.input.value = (group?.deviceIds ?? []).join("\n");
  const made = form({
    label: group ? `Group ${group.groupId}` : "New group", fields, send: group ? "Put in place" : "Create",
    more: [button("Close", close)],
    work: async () => {
      const wanted = { tenantId, groupId: fields.group_id.input.value.trim(), deviceIds: names(fields.device_ids.input.value) };
      const answer = await call("PutGroup", { group: wanted });
      await changed();
      return `${answer.created ? "Created" : "Put in place"}: ${answer.group.groupId} has ${some(answer.group.devices, "device")}. Live streams follow with the next event.`;
    },
  });
  return h("div.editor", {}, made.element);
}

export function groups({ place, query, signal }) {
  const tenantId = query.get("tenant") ?? "";
  const wanted = field("Tenant", text({ value: tenantId }), "It need not be connected.");
  const pick = h("form.filters", { "aria-label": "Groups of a tenant" }, wanted.element, h("button", { type: "submit" }, "Show its groups"));
  pick.addEventListener("submit", (event) => {
    event.preventDefault();
    const named = wanted.input.value.trim();
    location.hash = to("groups", undefined, named ? { tenant: named } : {});
  });
  place.append(title("Groups", tenantId ? `of ${tenantId}` : "named sets of a tenant's devices"), pick);
  place.append(tenantId ? groupsOf(tenantId, signal) : h("p.empty", {}, "Name a tenant to see its groups, or to make one."));
}
