// Small helpers for the document. Text is only ever set as text: nothing that arrives is read as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (a function is a listener, `false` and `null` leave one out) and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Sets the text only where it differs, so that an unchanged page is not laid out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Calls `chosen` with the value of the radio button that is picked within `group`. */
export function onChoice(group, chosen) {
  group.addEventListener("change", (event) => chosen(event.target.value));
}

/** Picks the radio button of that value. */
export function choose(group, value) {
  for (const input of group.querySelectorAll("input")) input.checked = input.value === value;
}
