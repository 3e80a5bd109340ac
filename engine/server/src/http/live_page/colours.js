// One colour for each device, in both schemes.
//
// Eight hues that differ in lightness too, so that eyes which confuse red and green can tell most of them apart; then the
// same hues again, lighter, darker and turned a little. Fifty lines can't all be told apart by colour: names stand at the
// pointer, and a name of the legend brings its line to the front.

/** Hue, chroma, and lightness on a light ground. */
const BASE = [
  [250, 0.15, 0.52],
  [52, 0.15, 0.66],
  [160, 0.12, 0.55],
  [350, 0.16, 0.6],
  [215, 0.11, 0.66],
  [300, 0.15, 0.45],
  [95, 0.12, 0.6],
  [25, 0.17, 0.5],
];

/** What each further round adds to lightness and hue. */
const ROUNDS = [[0, 0], [-0.11, 14], [0.09, -14], [-0.05, 24], [0.05, 7], [-0.15, -7], [0.12, 20]];

/** What each ground adds to lightness, and the range in which lines stand out from it. */
const LIGHT = { lift: 0, from: 0.34, to: 0.69 };
const DARK = { lift: 0.2, from: 0.64, to: 0.9 };

function oklch(slot, { lift, from, to }) {
  const [hue, chroma, lightness] = BASE[slot % BASE.length];
  const [lighter, turn] = ROUNDS[Math.floor(slot / BASE.length) % ROUNDS.length];
  const light = Math.min(to, Math.max(from, lightness + lighter + lift));
  return `oklch(${light.toFixed(3)} ${chroma} ${(hue + turn + 360) % 360})`;
}

/** The colour of a slot (0 to 49) for a canvas. */
export const colour = (slot, dark) => oklch(slot, dark ? DARK : LIGHT);

/** The same for a style, which follows the scheme by itself. */
export const styleColour = (slot) => `light-dark(${oklch(slot, LIGHT)}, ${oklch(slot, DARK)})`;
