// Keys without a modifier, while no field has the focus. Who speaks to the machine, or uses such keys otherwise, turns them
// off.

const OFF = "floodway.keys";

// The views in the order of their keys.
export const VIEWS = [
  ["", "Overview"],
  ["tenants", "Tenants"],
  ["streams", "Streams"],
  ["limits", "Limits"],
  ["groups", "Groups"],
  ["tail", "Live tail"],
  ["explain", "Explain"],
  ["journal", "Journal"],
  ["fleet", "Drain and fleet"],
];

export const KEYS = [
  ["?", "this list"],
  ["1 … 9", VIEWS.map(([, name]) => name).join(", ")],
  ["/", "to the first field of the view"],
  ["p", "pause or go on, where something runs"],
  ["t", "light, dark, or auto: as the system has it"],
];

export function keysAreOn() {
  return localStorage.getItem(OFF) !== "off";
}

export function turnKeys(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "off");
}

// Listens for them for ever.
export function listen({ help, theme }) {
  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
    if (busy || !keysAreOn() || event.target.closest("input, select, textarea")) return;
    const main = document.getElementById("main");
    if (event.key === "?") help();
    else if (event.key === "t") theme();
    else if (event.key === "/") main.querySelector("input, select, textarea")?.focus();
    else if (event.key === "p") main.querySelector("[data-pause]")?.click();
    else if (VIEWS[Number(event.key) - 1]) location.hash = `#/${VIEWS[Number(event.key) - 1][0]}`;
    else return;
    event.preventDefault();
  });
}
