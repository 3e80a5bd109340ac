// When a device measured something, in the time of this page (milliseconds of `performance.now()`).
//
// Events that were missed come in a bundle after a reconnect; their place is where they were measured. A device's own clock
// may be wrong, so it only tells how far apart its events are: the one that travelled fastest is taken to have travelled not
// at all, and the others are placed by it.

/** A delay above this is no delay: the device's clock was set. Gateways keep what was missed for about a minute. */
const MAX_DELAY_MS = 120_000;

/** The numbers that are taken for seconds or milliseconds since 1970: those between 2001 and 2286. */
const SECONDS = [1e9, 1e10];
const MILLISECONDS = [1e12, 1e13];

export class DeviceClock {
  /** What this page's clock reads when the device's reads 0. */
  #offset = Infinity;
  #told = -Infinity;

  /** The time of an event, which arrived at `now`. */
  timeOf({ timestamp, snapshot }, now) {
    // The last value, however old it is, holds until now.
    if (snapshot) return now;
    const told = read(timestamp);
    // Nothing is learned from no time, nor from one that stands still.
    if (!(told > this.#told)) return now;
    this.#told = told;
    this.#offset = Math.min(this.#offset, now - told);
    if (now - told - this.#offset > MAX_DELAY_MS) this.#offset = now - told;
    return told + this.#offset;
  }
}

/** Milliseconds since 1970, or NaN if the timestamp is no time. */
function read(timestamp) {
  if (typeof timestamp === "string") return Date.parse(timestamp);
  if (typeof timestamp !== "number") return NaN;
  const within = ([low, high]) => timestamp >= low && timestamp < high;
  if (within(SECONDS)) return timestamp * 1000;
  return within(MILLISECONDS) ? timestamp : NaN;
}
