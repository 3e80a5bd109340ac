// What happened, newest first: states of the connection, and gaps. Each is told once to who listens, too.

import { byId, element, setText } from "./dom.js";
import { timeOfDay } from "./numbers.js";

/** Entries that are kept. */
const KEPT = 100;

/** What happens again within this time is one entry. */
const TOGETHER_MS = 3_000;

/** Between two things that a screen reader is told. */
const TOLD_MS = 1_500;

export class Journal {
  #list = byId("journal");
  #announcer = byId("announcer");
  #newest = null;
  #toTell = null;
  #toldAt = -Infinity;

  /** Adds an entry of a kind (`good`, `bad`, `gap`). */
  add(kind, text, now) {
    const isAgain = this.#newest?.text === text;
    if (isAgain) this.#newest.times += 1;
    else this.#begin(kind, { text, times: 1 });
    this.#show(now, isAgain ? `${text} (${this.#newest.times} times)` : text);
  }

  /** Adds a gap. Those of one reason that come together are one entry, with their sum. */
  addGap(gap, inWords, now) {
    const newest = this.#newest;
    const isMore = newest?.gap?.reason === gap.reason && now - newest.at < TOGETHER_MS;
    const sum = (a, b) => (a === null || b === null ? null : a + b);
    const whole = isMore ? { ...gap, dropped: sum(newest.gap.dropped, gap.dropped) } : gap;
    if (isMore) newest.gap = whole;
    else this.#begin("gap", { gap });
    this.#show(now, inWords(whole));
  }

  /** Tells a screen reader the newest of what it has not heard, none too fast. */
  write(now) {
    if (this.#toTell === null || now - this.#toldAt < TOLD_MS) return;
    setText(this.#announcer, this.#toTell);
    [this.#toTell, this.#toldAt] = [null, now];
  }

  /** The newest entry's words. */
  get newest() {
    return this.#newest?.words.textContent ?? "";
  }

  #begin(kind, entry) {
    const [time, words] = [element("time"), element("span")];
    this.#newest = { ...entry, time, words };
    this.#list.prepend(element("li", { "data-kind": kind }, time, words));
    if (this.#list.childElementCount > KEPT) this.#list.lastElementChild.remove();
  }

  #show(now, words) {
    this.#newest.at = now;
    setText(this.#newest.time, timeOfDay(now));
    setText(this.#newest.words, words);
    this.#toTell = words;
  }
}
