// A list that grows at its top while something goes on: bounded, paused at will, and quiet for screen readers.

import { ApiError, stream } from "./api.js";
import { fill, h, say, sleep } from "./dom.js";
import { count } from "./format.js";
import { badge, button, notice } from "./parts.js";

// Rows that are kept in sight, and milliseconds between two additions.
const ROWS = 200;
const PACE = 200;
// Milliseconds until a call that broke off is made again.
const AGAIN = 2000;

// Follows the call `name`. `row` makes an element of a message, or gives null for what is not to be shown.
export function feed({ name, label, none, row, signal }) {
  const list = h("ol");
  // What comes many times a second is not read out by itself.
  const log = h("div.feed", { role: "log", "aria-live": "off", "aria-label": label, tabindex: "0" }, list);
  const nothing = h("p.empty", {}, none);
  const state = h("span");
  const told = h("span.place");
  const trouble = h("div");
  const pause = button("Pause", () => toggle(), { "data-pause": true, "aria-pressed": "false" });
  const clear = button("Clear", () => (fill(list), shape()));
  const element = h("div", {}, h("div.row", {}, state, told, pause, clear), trouble, log, nothing);
  let [running, waiting, seen, paused, drawing] = [new AbortController(), [], 0, false, false];

  const shape = () => {
    nothing.hidden = list.childElementCount > 0;
    log.hidden = !nothing.hidden;
  };
  const toggle = () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    say(pause, paused ? "Go on" : "Pause");
    draw();
  };
  const draw = () => {
    drawing = false;
    say(told, `${count(seen)} so far${paused && waiting.length > 0 ? `, ${count(waiting.length)} of them waiting` : ""}`);
    if (paused || waiting.length === 0) return;
    list.prepend(...waiting.splice(0).reverse());
    while (list.childElementCount > ROWS) list.lastChild.remove();
    shape();
  };
  shape();
  const add = (message) => {
    const made = row(message);
    if (!made) return;
    seen += 1;
    waiting.push(made);
    if (waiting.length > ROWS) waiting.shift();
    if (drawing) return;
    drawing = true;
    setTimeout(draw, PACE);
  };

  return {
    element,
    // Follows this request, in place of the one before. Calls `failed` with an error that another try does not mend.
    async start(request, failed) {
      running.abort();
      running = new AbortController();
      const ending = AbortSignal.any([signal, running.signal]);
      while (!ending.aborted) {
        fill(state, badge("warn", "starting"));
        try {
          for await (const message of stream(name, request, ending)) {
            fill(trouble);
            if (state.textContent !== "live") fill(state, badge("good", "live"));
            add(message);
          }
        } catch (error) {
          if (ending.aborted) return;
          if (!(error instanceof ApiError)) throw error;
          fill(state, badge("bad", "interrupted"));
          if (!["unreachable", "unavailable", "resource_exhausted"].includes(error.code)) return failed(error);
          fill(trouble, notice("warn", `${error.message} It is tried again.`));
        }
        await sleep(AGAIN, ending);
      }
    },
    stop() {
      running.abort();
      fill(state, badge("plain", "stopped"));
    },
  };
}
