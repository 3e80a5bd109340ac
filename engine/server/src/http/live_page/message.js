// What the last message looked like.

import { byId, onChoice, setText } from "./dom.js";
import { TEXT } from "./feed.js";
import { counted, timeOfDay } from "./numbers.js";

/** Characters that are shown of a long one. */
const SHOWN = 20_000;

export class LastMessage {
  #text = null;
  #at = 0;
  #isRaw = false;
  #isShown = true;

  constructor() {
    onChoice(byId("message-forms"), (form) => {
      this.#isRaw = form === "raw";
      this.#isShown = this.#text === null;
      this.write();
    });
  }

  take(message, now) {
    [this.#text, this.#at, this.#isShown] = [message[TEXT], now, false];
  }

  write() {
    if (this.#isShown) return;
    this.#isShown = true;
    const text = this.#isRaw ? this.#text : pretty(this.#text);
    setText(byId("message"), text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
    setText(byId("message-hint"), `It arrived at ${timeOfDay(this.#at)} and has ${counted(this.#text.length, "character")}.`);
  }
}

const pretty = (text) => JSON.stringify(JSON.parse(text, asSent), null, 2);

/** Keeps a number's own digits, where the browser can: JavaScript's numbers hold sixteen or so. */
function asSent(_, value, { source } = {}) {
  return typeof value === "number" && source && JSON.rawJSON ? JSON.rawJSON(source) : value;
}
