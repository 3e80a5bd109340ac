// A list of the API in pages: however long it is, one page of it is asked for and shown.

import { ApiError, call } from "./api.js";
import { h, repeat, say } from "./dom.js";
import { button, notice, table } from "./parts.js";

// Rows of a page.
const SIZE = 50;
// Milliseconds between two looks at the page that is shown.
const LOOK = 3000;

// Shows what `name` lists under `field`. `request` is what is asked, and can be changed by `ask`.
export function paged({ name, field, request = {}, size = SIZE, signal, known, ...shape }) {
  const rows = table(shape);
  const place = h("p.place", { "aria-live": "off" });
  const back = button("Previous", () => go(-1));
  const on = button("Next", () => go(1));
  const pager = h("div.pager", {}, place, back, on);
  const trouble = h("div");
  const element = h("div.paged", {}, trouble, rows.element, pager);
  // The tokens of the pages up to the one that is shown; the first has none.
  let tokens = [""];
  let next = "";
  let asked = request;
  let turn = 0;

  const look = async () => {
    turn += 1;
    const mine = turn;
    try {
      const answer = await call(name, { ...asked, pageSize: size, pageToken: tokens.at(-1) }, signal);
      if (mine !== turn) return;
      const items = answer[field] ?? [];
      next = answer.nextPageToken ?? "";
      rows.show(items);
      known?.(answer);
      trouble.replaceChildren();
      const first = (tokens.length - 1) * size;
      say(place, items.length === 0 ? "" : `${first + 1} to ${first + items.length}${next ? "" : ", the last"}`);
      back.disabled = tokens.length === 1;
      on.disabled = next === "";
      pager.hidden = tokens.length === 1 && next === "";
    } catch (error) {
      if (!(error instanceof ApiError) || signal.aborted || mine !== turn) return;
      // A token of a gateway that has gone leads nowhere: from the beginning again.
      if (error.code === "invalid_argument" && tokens.length > 1) tokens = [""];
      trouble.replaceChildren(notice("bad", error.message));
    }
  };
  const go = (by) => {
    if (by < 0) tokens.pop();
    else tokens.push(next);
    return look();
  };
  pager.hidden = true;
  repeat(signal, LOOK, look);

  return {
    element,
    look,
    // Asks for something else, from the first page on.
    ask(other) {
      asked = other;
      tokens = [""];
      return look();
    },
  };
}
