// The one loop that draws. It rests while the page is hidden, and beats slowly for those who asked for less motion.

/** Between two pictures for those who want less motion. */
const CALM_MS = 1000;

/** Between two rounds of what is written rather than drawn: nobody reads faster. */
const TEXT_MS = 400;

/** Calls `draw` with each picture, and `write` some times a second, with the time. */
export function run(draw, write) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let [request, drawn, written] = [0, -Infinity, -Infinity];
  const frame = () => {
    request = requestAnimationFrame(frame);
    const now = performance.now();
    if (calm.matches && now - drawn < CALM_MS) return;
    drawn = now;
    draw(now);
    if (now - written < TEXT_MS) return;
    written = now;
    write(now);
  };
  const follow = () => {
    cancelAnimationFrame(request);
    if (!document.hidden) request = requestAnimationFrame(frame);
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}
