// What each message of the stream means for this page.

import { Journal } from "./journal.js";
import { LastMessage } from "./message.js";
import { Rate } from "./rate.js";
import { Status } from "./status.js";
import { gapInWords, upstreamInWords } from "./words.js";

export class Reader {
  tenant = "";
  #store;
  #pickers;
  #journal = new Journal();
  #status = new Status();
  #last = new LastMessage();
  #rate = new Rate();
  #isAnswerDue = false;

  constructor(store, pickers) {
    this.#store = store;
    this.#pickers = pickers;
  }

  /** Takes one message of the client's stream, which comes over `transport`. */
  hear(message, transport) {
    const now = performance.now();
    switch (message.type) {
      case "telemetry":
        this.#store.add(message, now);
        this.#rate.count(now);
        break;
      case "connected":
        this.tenant = message.tenant_id;
        this.#onFilters();
        break;
      case "subscribed":
      case "unsubscribed":
      case "metrics_updated":
      case "filters_cleared":
        // From here on the stream has only what was picked.
        this.#isAnswerDue = true;
        this.#onFilters();
        break;
      case "gap":
        this.#onGap(message, now);
        break;
      case "upstream":
        this.#onUpstream(message, now);
        break;
      case "error":
        this.#journal.add("bad", `The gateway does not understand: ${message.message}.`, now);
        break;
      case "state":
        this.#onState(message, transport, now);
        // This is the client's own word, and no message of the gateway.
        return;
    }
    this.#last.take(message, now);
  }

  /** Something can't be done. */
  complain(message) {
    const now = performance.now();
    this.#journal.add("bad", `${message}.`, now);
    this.#status.notice(`${message}.`, now);
  }

  /** Something else was picked: the gateway's answer, or a new stream, is where it begins. */
  expectAnswer() {
    this.#isAnswerDue = true;
  }

  /** Forgets what the last token gave. */
  reset() {
    this.#store.clear();
    this.tenant = "";
    this.#status.reset();
  }

  /** Events a second at `now`. */
  rate(now) {
    return this.#rate.perSecond(now);
  }

  write(now, isPaused) {
    this.#status.write(now);
    this.#journal.write(now);
    // Who has stopped the page to read is not disturbed.
    if (!isPaused) this.#last.write();
  }

  #onFilters() {
    if (this.#isAnswerDue) this.#store.keepOnly(this.#pickers.picked);
    this.#isAnswerDue = false;
  }

  #onGap(gap, now) {
    // A stream that turned to the newest values and passed over nothing has lost nothing.
    if (gap.dropped !== 0) this.#store.addGap(gapInWords(gap), now);
    this.#journal.addGap(gap, gapInWords, now);
    this.#status.notice(this.#journal.newest, now);
  }

  #onUpstream({ state }, now) {
    const words = upstreamInWords(state);
    this.#journal.add(state === "up" ? "good" : "bad", words, now);
    this.#status.trouble(state === "up" ? "" : words);
  }

  #onState(message, transport, now) {
    const words = this.#status.take(message, transport, now);
    if (words) this.#journal.add(message.state === "open" ? "good" : "bad", words, now);
  }
}
