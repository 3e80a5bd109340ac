// How many events a second come, over the last seconds.

/** Five seconds, in slots of a quarter: the rate changes smoothly. */
const SLOTS = 20;
const SLOT_MS = 250;

export class Rate {
  #counts = new Uint32Array(SLOTS);
  #slot = 0;
  #since = null;

  count(now) {
    this.#turn(now);
    this.#since ??= now;
    this.#counts[this.#slot % SLOTS] += 1;
  }

  /** Events a second at `now`. */
  perSecond(now) {
    this.#turn(now);
    let sum = 0;
    for (const count of this.#counts) sum += count;
    const seconds = Math.min(SLOTS * SLOT_MS, Math.max(1000, now - (this.#since ?? now))) / 1000;
    return sum / seconds;
  }

  #turn(now) {
    const slot = Math.floor(now / SLOT_MS);
    for (let next = Math.max(this.#slot + 1, slot - SLOTS + 1); next <= slot; next++) this.#counts[next % SLOTS] = 0;
    this.#slot = Math.max(this.#slot, slot);
  }
}
