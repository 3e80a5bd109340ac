// The values that a chart's height stands for.

/** Marks that a scale aims at. */
const MARKS = 3;

/** Where a line's values are, rounded outwards to marks that a person reads easily. */
export class Scale {
  low = 0;
  high = 1;
  step = 1;

  /** Takes a range of values as measured; whether the scale is another one now. */
  fit(low, high) {
    if (low > high) [low, high] = [0, 1];
    if (low === high) {
      const room = Math.abs(low) * 0.02 || 0.5;
      [low, high] = [low - room, high + room];
    }
    const step = roundStep((high - low) / MARKS);
    const [from, to] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
    if (from === this.low && to === this.high && step === this.step) return false;
    [this.low, this.high, this.step] = [from, to, step];
    return true;
  }

  holds(value) {
    return value >= this.low && value <= this.high;
  }

  /** The marks, from the lowest on. */
  *marks() {
    const last = Math.round((this.high - this.low) / this.step);
    // Where doubles are coarser than the step nothing is gained by more marks.
    for (let n = 0; n <= Math.min(last, 3 * MARKS); n++) yield this.low + n * this.step;
  }
}

/** The nearest of 1, 2, 2.5, 5 and 10, times a power of ten, that is not below `step`. */
function roundStep(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = [1, 2, 2.5, 5, 10].find((digit) => digit * power >= step * 0.999);
  return (digit ?? 10) * power;
}
