// Light, dark, or as the system has it.

const KEY = "floodway.theme";
const ALL = ["auto", "light", "dark"];

export function theme() {
  const kept = localStorage.getItem(KEY);
  return ALL.includes(kept) ? kept : "auto";
}

export function useTheme(wanted) {
  if (wanted === "auto") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, wanted);
  apply();
}

// The one after the one that is used now.
export function nextTheme() {
  return ALL[(ALL.indexOf(theme()) + 1) % ALL.length];
}

export function apply() {
  document.documentElement.style.colorScheme = theme() === "auto" ? "light dark" : theme();
}
