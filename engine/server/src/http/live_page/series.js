// The newest values of one metric of one device: numbers in a ring, so that an hour of events leaves no garbage.

/** Points of a new ring; it doubles while it fills, up to `MAX_POINTS`. Both are powers of two. */
const FIRST_POINTS = 256;

/** Points that are kept: 15 minutes of a device that sends four times a second. */
const MAX_POINTS = 4096;

export class Series {
  /** Points that ever came: the next one's number. The numbers of those that are kept end there. */
  end = 0;
  /** The newest value, whether the line is cut behind it or not. */
  last = NaN;
  #times = new Float64Array(FIRST_POINTS);
  #values = new Float64Array(FIRST_POINTS);

  /** The number of the oldest point that is kept. */
  get begin() {
    return Math.max(0, this.end - this.#times.length);
  }

  /** Adds a point. Time never runs back: what claims to be older stands at the time of the one before. */
  push(time, value) {
    if (this.end === this.#times.length && this.end < MAX_POINTS) this.#grow();
    const last = this.end > 0 ? this.time(this.end - 1) : -Infinity;
    const at = this.end & (this.#times.length - 1);
    this.#times[at] = Math.max(time, last);
    this.#values[at] = value;
    if (!Number.isNaN(value)) this.last = value;
    this.end += 1;
  }

  /** Ends the line here: something is missing before the next point. */
  cut() {
    if (this.end > 0 && !Number.isNaN(this.value(this.end - 1))) this.push(-Infinity, NaN);
  }

  time(number) {
    return this.#times[number & (this.#times.length - 1)];
  }

  /** The value, or NaN where the line is cut. */
  value(number) {
    return this.#values[number & (this.#values.length - 1)];
  }

  /** The number of the first point that is not before `time`. */
  from(time) {
    let [low, high] = [this.begin, this.end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The value at a time: that of the nearest point, or NaN before the first one and where the line is cut. */
  at(time) {
    const after = this.from(time);
    const before = after - 1;
    if (after < this.end && this.time(after) === time) return this.value(after);
    if (before < this.begin) return NaN;
    if (after === this.end || Number.isNaN(this.value(before))) return this.value(before);
    const isNearer = this.time(after) - time < time - this.time(before);
    return isNearer && !Number.isNaN(this.value(after)) ? this.value(after) : this.value(before);
  }

  #grow() {
    const [times, values] = [this.#times, this.#values];
    this.#times = new Float64Array(2 * times.length);
    this.#values = new Float64Array(2 * values.length);
    // The ring is exactly full and begins at its start: it has never turned.
    this.#times.set(times);
    this.#values.set(values);
  }
}
