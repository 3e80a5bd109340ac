// Makes elements. Whatever comes from devices and clients goes in as text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element: its name, with classes behind dots; its attributes, of which those that begin with "on" are listeners and
// those that are false, null or undefined are left out; what is in it, as elements and texts.
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return furnish(document.createElement(tag), classes, attributes, children);
}

// The same for a drawing.
export function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return furnish(document.createElementNS(SVG, tag), classes, attributes, children);
}

function furnish(element, classes, attributes, children) {
  if (classes.length > 0) element.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Puts these in place of what is in the element.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Sets a text, if it is another one: who selects it or has it read out is not disturbed otherwise.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let unique = 0;

// An id that no other element has.
export function id(prefix) {
  unique += 1;
  return `${prefix}-${unique}`;
}

// Tells a screen reader, politely, what has happened.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

// Calls `work` now, and again `pause` milliseconds after it was done, until the signal says stop. A tab that nobody sees
// asks for nothing.
export async function repeat(signal, pause, work) {
  while (!signal.aborted) {
    if (!document.hidden) await work();
    await sleep(pause, signal);
  }
}

// Waits for so many milliseconds, or until the signal says stop.
export function sleep(milliseconds, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}
