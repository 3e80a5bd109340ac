// The token: where it comes from, and where it is kept.
//
// It arrives in the address's fragment (#token=…), which browsers neither send nor log, or is pasted. It is kept for
// this tab alone, and leaves the address bar at once, so that nobody shares it by copying the address.

const KEY = "floodway.token";
let held = null;

/** The token of this tab, if there is one. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return held ?? storage()?.getItem(KEY) ?? null;
}

/** Keeps a token; `null` forgets the one that is held. */
export function keepToken(token) {
  held = token;
  if (token === null) storage()?.removeItem(KEY);
  else storage()?.setItem(KEY, token);
}

/** A browser that keeps nothing for pages throws already when it is asked for the storage. */
function storage() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
