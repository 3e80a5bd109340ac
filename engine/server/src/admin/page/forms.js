// Fields with their labels and errors, and forms that tell what came of them.

import { ApiError } from "./api.js";
import { announce, fill, h, id, say } from "./dom.js";
import { notice } from "./parts.js";

// A field: its label, what it is for, its input, and where its error stands.
export function field(label, input, hint) {
  const [name, about, wrong] = [id("field"), id("hint"), id("error")];
  input.id = name;
  input.setAttribute("aria-describedby", hint ? `${about} ${wrong}` : wrong);
  const error = h("p.error", { id: wrong });
  return {
    element: h("div.field", {}, h("label", { for: name }, label), input, hint && h("p.hint", { id: about }, hint), error),
    input,
    wrong(text) {
      say(error, text);
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

export function text(attributes = {}) {
  return h("input", { type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", ...attributes });
}

// A choice of [value, text].
export function choice(options, chosen, attributes = {}) {
  return h("select", attributes, options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
}

// Boxes to check under one legend, and those that are checked.
export function boxes(legend, options, hint) {
  const inputs = options.map(([value]) => h("input", { type: "checkbox", value }));
  const error = h("p.error", { id: id("error") });
  const labels = options.map(([, words], n) => h("label.box", {}, inputs[n], words));
  return {
    element: h("fieldset.field", { "aria-describedby": error.id },
      h("legend", {}, legend), h("div.boxes", {}, labels), hint && h("p.hint", {}, hint), error),
    input: inputs[0],
    inputs,
    get values() {
      return inputs.filter((input) => input.checked).map((input) => input.value);
    },
    set values(chosen) {
      for (const input of inputs) input.checked = chosen.includes(input.value);
    },
    wrong(text) {
      say(error, text);
    },
  };
}

// Names that stand in a text, apart by commas or lines.
export function names(text) {
  return text.split(/[,\n]/).map((name) => name.trim()).filter((name) => name !== "");
}

// A form that calls `work` when it is sent. An error of the API stands at the field that it names, by the last word of its
// path, or else below; what `work` gives back is told.
export function form({ fields = {}, send, changes = true, work, more = [], label }) {
  const outcome = h("div.outcome");
  const submit = h("button.main", { type: "submit", ...(changes && { "data-changes": true }) }, send);
  const all = Object.values(fields);
  const element = h("form.form", { novalidate: true, "aria-label": label },
    h("div.fields", {}, all.map((one) => one.element)), h("div.row", {}, submit, ...more), outcome);
  const tell = (tone, words) => {
    fill(outcome, words && notice(tone, words));
    if (words) announce(words);
  };
  const run = async (job) => {
    for (const one of all) one.wrong("");
    tell("good", "");
    submit.disabled = true;
    try {
      tell("good", await job());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      blame(fields, error, tell);
    } finally {
      submit.disabled = submit.dataset.refused !== undefined;
    }
  };
  element.addEventListener("submit", (event) => (event.preventDefault(), run(work)));
  return { element, run, tell };
}

function blame(fields, error, tell) {
  const path = error.field?.path.split(".");
  const guilty = path && fields[path.findLast((part) => fields[part])];
  if (!guilty) return tell("bad", error.message);
  const at = error.field.at ? `${Number(error.field.at.slice(1, -1)) + 1}. entry: ` : "";
  guilty.wrong(`${at}${error.field.reason}`);
  guilty.input.focus();
  announce(error.message);
}
