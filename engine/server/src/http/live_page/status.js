// The state of the connection, in words: at the top in a few, and as a sentence where something is wrong.

import { byId, setText } from "./dom.js";
import { TRANSPORTS, endInWords } from "./words.js";

/** How long a notice of a gap stands. The journal keeps it. */
const NOTICE_MS = 10_000;

export class Status {
  #transport = "websocket";
  #kind = "idle";
  #word = "Not connected";
  #detail = "";
  #retryAt = null;
  #trouble = "";
  #passing = { text: "", until: -Infinity };

  /** What the client says about its connection. Returns what is new in it for a person, if anything is. */
  take({ state, attempt, retryInMs, code, reason }, transport, now) {
    this.#transport = transport;
    this.#retryAt = null;
    switch (state) {
      case "connecting":
        this.#set("waiting", "Connecting", `${attempt > 0 ? `try ${attempt + 1}, ` : ""}waiting for the gateway's answer`);
        return "";
      case "open":
        this.#set("live", "Live", `over ${TRANSPORTS[transport]}`);
        this.#trouble = "";
        return `Connected over ${TRANSPORTS[transport]}.`;
      case "waiting":
        this.#set("waiting", "Waiting", "");
        this.#retryAt = now + retryInMs;
        this.#trouble = endInWords(code, reason);
        return this.#trouble;
      default:
        this.#set("ended", "Ended", "");
        this.#trouble = code === undefined ? "" : endInWords(code, reason);
        return this.#trouble;
    }
  }

  /** The source of the gateway is away, or there again (an empty text). */
  trouble(text) {
    this.#trouble = text;
    if (text) this.#set("waiting", "Waiting", "for the gateway's source");
    else this.#set("live", "Live", `over ${TRANSPORTS[this.#transport]}`);
  }

  /** Nothing is connected, nor to be. */
  reset() {
    this.#set("idle", "Not connected", "");
    [this.#retryAt, this.#trouble] = [null, ""];
  }

  /** A notice that passes. */
  notice(text, now) {
    this.#passing = { text, until: now + NOTICE_MS };
  }

  write(now) {
    const seconds = this.#retryAt === null ? 0 : Math.ceil((this.#retryAt - now) / 1000);
    const next = seconds > 0 ? `next try in ${seconds} s` : "trying again";
    byId("state").dataset.kind = this.#kind;
    setText(byId("state-word"), this.#word);
    setText(byId("state-detail"), this.#retryAt === null ? this.#detail : next);
    const notice = this.#trouble || (now < this.#passing.until ? this.#passing.text : "");
    byId("notice").hidden = notice === "";
    byId("notice").dataset.kind = this.#trouble ? this.#kind : "gap";
    setText(byId("notice-text"), notice);
    byId("again").hidden = this.#kind !== "ended";
  }

  #set(kind, word, detail) {
    [this.#kind, this.#word, this.#detail] = [kind, word, detail];
  }
}
