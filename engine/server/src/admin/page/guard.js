// What the reading token may not do is disabled, and says why.

import { access, ApiError, call, hasToken } from "./api.js";
import { h } from "./dom.js";

const WHY = "The token that you gave is for reading; this needs admin.token.";
let refused = false;

// Watches for what changes something, for ever.
export function guard(banner) {
  access.addEventListener("readonly", () => become(banner, true));
  new MutationObserver(() => refused && disable()).observe(document.getElementById("main"), { childList: true, subtree: true });
}

// Learns what the token may do. The call has no argument that it needs: with the right to change something it is refused for
// that, and nothing has changed either way.
export async function learn(banner) {
  if (!hasToken()) return;
  try {
    await call("SetLimits", {});
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "invalid_argument") become(banner, false);
  }
}

function become(banner, readonly) {
  refused = readonly;
  banner.hidden = !readonly;
  if (readonly && banner.childElementCount === 0) {
    banner.append(h("p", {}, "Read only: this token may look and change nothing. What would change something is disabled; it needs admin.token."));
  }
  if (readonly) disable();
  else enable();
}

function disable() {
  for (const each of document.querySelectorAll("[data-changes]:not([data-refused])")) {
    each.disabled = true;
    each.dataset.refused = "";
    each.title = WHY;
  }
}

function enable() {
  for (const each of document.querySelectorAll("[data-refused]")) {
    each.disabled = false;
    delete each.dataset.refused;
    each.removeAttribute("title");
  }
}
