// Shows the view that the address names, and ends the one before with all that it asked for.

import { h, say } from "./dom.js";
import { VIEWS } from "./keys.js";

const main = document.getElementById("main");
let ending = new AbortController();

// `views` has for each first word of an address what shows it; with a second word, an id, `one` of it.
export function start(views) {
  const nav = document.getElementById("nav");
  nav.append(h("ul", {}, VIEWS.map(([word, name]) => h("li", {}, h("a", { href: `#/${word}` }, name)))));
  addEventListener("hashchange", () => route(views, true));
  route(views, false);
}

// Shows the view of the address anew.
export function again(views) {
  route(views, false);
}

// The address of a view.
export function to(word, id, query = {}) {
  const asked = new URLSearchParams(query).toString();
  return `#/${word}${id === undefined ? "" : `/${encodeURIComponent(id)}`}${asked && `?${asked}`}`;
}

function route(views, moved) {
  ending.abort();
  ending = new AbortController();
  // The link that skips to the content is no address of a view.
  const [path, query] = location.hash.replace(/^#(main|\/)?/, "").split("?");
  const [word, id] = path.split("/");
  const view = (id ? views.one[word] : views.all[word]) ?? views.all[""];
  const place = h("div.view");
  main.replaceChildren(place);
  view({ place, id: id && decoded(id), query: new URLSearchParams(query), signal: ending.signal });
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.hash === `#/${word}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.getElementById("nav").classList.remove("open");
  document.getElementById("menu")?.setAttribute("aria-expanded", "false");
  const heading = place.querySelector("h1");
  say(document.querySelector("title"), `${heading.textContent} · floodway`);
  if (moved) {
    scrollTo(0, 0);
    heading.focus();
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
