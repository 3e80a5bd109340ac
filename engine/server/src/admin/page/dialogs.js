// Questions before what can't be undone, the token, and the list of keys.

import { h, id } from "./dom.js";
import { button } from "./parts.js";
import { field, text } from "./forms.js";
import { KEYS, keysAreOn, turnKeys } from "./keys.js";

// Opens a dialog; it is gone when it closes. Gives what closed it.
function open(heading, content, buttons, { modal = true } = {}) {
  const label = id("dialog");
  const form = h("form", { method: "dialog" }, h("h2", { id: label }, heading), ...content, h("div.row.end", {}, ...buttons));
  const dialog = h("dialog", { "aria-labelledby": label }, form);
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => !modal && event.preventDefault());
  dialog.showModal();
  return { dialog, form, closed: new Promise((done) => dialog.addEventListener("close", () => (dialog.remove(), done(dialog.returnValue)))) };
}

// Asks whether to go on. With `reason` a text can be given, of so many bytes at most. Gives the text, or null for no.
export async function ask({ heading, text: words, yes, reason }) {
  const bytes = (value) => new TextEncoder().encode(value).length;
  const given = reason && field(reason.label, text({ maxlength: reason.bytes }), reason.hint);
  const { form, dialog, closed } = open(heading, [h("p", {}, words), given?.element], [
    button("Cancel", () => dialog.close("no")),
    h("button.danger", { type: "submit", value: "yes" }, yes),
  ]);
  form.addEventListener("submit", (event) => {
    if (!given || bytes(given.input.value) <= reason.bytes) return;
    event.preventDefault();
    given.wrong(`At most ${reason.bytes} bytes; these are ${bytes(given.input.value)}.`);
  });
  (given?.input ?? dialog.querySelector("button")).focus();
  return (await closed) === "yes" ? (given?.input.value.trim() ?? "") : null;
}

// Asks for the token. `refused`: one was given and is wrong. Gives the token.
export async function askToken(refused) {
  const given = field("Token", text({ type: "password", name: "token", required: true }),
    "The value of admin.token, or of admin.read_token, which may look and change nothing. It is kept for this tab only.");
  const { form, closed, dialog } = open("This gateway asks for a token", [given.element], [
    h("button.main", { type: "submit", value: "yes" }, "Sign in"),
  ], { modal: false });
  // A closing that nobody confirmed would leave a page that can show nothing.
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.preventDefault());
  form.noValidate = true;
  if (refused) given.wrong("The gateway does not know this token.");
  form.addEventListener("submit", (event) => {
    // What can't stand in a header can't be a token.
    if (/^[\x21-\x7e]+$/.test(given.input.value.trim())) return;
    event.preventDefault();
    given.wrong(given.input.value.trim() ? "A token has no spaces and only ASCII characters." : "Give the token.");
  });
  given.input.focus();
  await closed;
  return given.input.value.trim();
}

// Shows the keys, and lets them be turned off.
export async function showKeys() {
  const toggle = h("input", { type: "checkbox" });
  toggle.checked = keysAreOn();
  toggle.addEventListener("change", () => turnKeys(toggle.checked));
  const list = h("dl.keys", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what))));
  const { closed, dialog } = open("Keys", [list, h("label.box", {}, toggle, "Single keys do this")], [
    h("button.main", { type: "submit", value: "yes" }, "Close"),
  ]);
  dialog.querySelector("button").focus();
  await closed;
}
