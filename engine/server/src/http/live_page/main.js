// Puts the page together: the stream brings messages, the store keeps what they say, and the rest shows it.

import { Board } from "./board.js";
import { byId, choose, onChoice } from "./dom.js";
import { Feed } from "./feed.js";
import { run } from "./loop.js";
import { Pickers } from "./pickers.js";
import { Reader } from "./reader.js";
import { keepToken, takeToken } from "./session.js";
import { Store } from "./store.js";
import { Summary } from "./summary.js";
import { followTheme } from "./theme.js";
import { endInWords } from "./words.js";

/** Codes of a token that is refused: another one is needed before anything else. */
const TOKEN_REFUSED = [4001, 401];

const store = new Store();
const board = new Board(byId("charts"), store);
const pickers = new Pickers(store, onPicked);
const reader = new Reader(store, pickers);
const summary = new Summary(store, reader, pickers);

let feed = null;
let transport = "websocket";

function start(token) {
  feed?.close();
  byId("door").hidden = true;
  byId("app").hidden = false;
  const options = { token, transport, ...pickers.picked };
  feed = new Feed(options, (message) => reader.hear(message, transport), onEnd);
}

/** The stream is over, and another try would end the same way. */
function onEnd(error) {
  if (TOKEN_REFUSED.includes(error.code)) askForToken(endInWords(error.code, error.reason));
}

function askForToken(fault = "") {
  feed?.close();
  feed = null;
  keepToken(null);
  reader.reset();
  pickers.clear();
  byId("app").hidden = true;
  byId("door").hidden = false;
  byId("door-fault").textContent = fault;
  byId("door-token").focus();
}

function onPicked() {
  if (!feed) return;
  try {
    feed.choose(pickers.picked);
    reader.expectAnswer();
  } catch (error) {
    pickers.revert(feed.picked);
    reader.complain(error.message);
  }
}

byId("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = byId("door-token").value.trim();
  byId("door-token").value = "";
  keepToken(token);
  start(token);
});

byId("leave").addEventListener("click", () => askForToken());
byId("again").addEventListener("click", () => start(takeToken()));

onChoice(byId("transports"), (chosen) => {
  transport = chosen;
  feed?.switchTo(transport);
});

onChoice(byId("windows"), (seconds) => board.show(Number(seconds) * 1000));

byId("pause").addEventListener("click", ({ currentTarget }) => {
  board.pause(!board.isPaused);
  currentTarget.setAttribute("aria-pressed", String(board.isPaused));
  currentTarget.textContent = board.isPaused ? "Go on" : "Pause";
});

// An address with another token, opened in this tab.
addEventListener("hashchange", () => {
  if (new URLSearchParams(location.hash.slice(1)).has("token")) start(takeToken());
});

followTheme(() => board.recolour());

// Browsers remember what was picked before a reload; the page begins anew.
choose(byId("transports"), transport);
choose(byId("windows"), String(board.windowMs / 1000));

// On a narrow screen charts come first.
byId("choose").open = matchMedia("(min-width: 62rem)").matches;

run(
  (now) => board.draw(now),
  (now) => {
    board.write(now);
    pickers.write();
    summary.write(now, board.isPaused);
  },
);

const token = takeToken();
if (token) start(token);
else askForToken();
