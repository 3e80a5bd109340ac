// Light or dark: as the system says, until somebody chooses. The choice is kept.

import { byId } from "./dom.js";

const KEY = "floodway.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

/** Lets the switch work; `changed` is called whenever colours change. */
export function followTheme(changed) {
  const select = byId("theme");
  select.value = read() ?? "auto";
  apply(select.value);
  select.addEventListener("change", () => {
    write(select.value);
    apply(select.value);
    changed();
  });
  system.addEventListener("change", changed);
}

function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// A browser may keep nothing for pages; the choice then holds until the page is closed.
function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function write(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing depends on it.
  }
}
