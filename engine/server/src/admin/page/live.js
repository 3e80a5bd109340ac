// Follows the gateway's status for the whole page, and knows whether it is heard.

import { hasToken, stream } from "./api.js";
import { announce, sleep } from "./dom.js";
import { interrupt, take } from "./history.js";

const ASKED = { interval: "1s", fleet: true, busiestTenants: 10, slowestConnections: 10 };
// Without word for so long the gateway counts as lost, in milliseconds.
const SILENCE = 6000;
const PAUSE_MIN = 500;
const PAUSE_MAX = 10_000;

// Tells "status" with each status, and "link" when the gateway is lost or heard again.
export const live = new EventTarget();

// The last answer, when it came, and how the page stands to the gateway: "connecting", "heard", "lost" or "locked".
export const now = { answer: null, at: null, link: "connecting", error: null, retryAt: null };

let hurry = () => {};

// Follows it for ever.
export async function follow() {
  let failures = 0;
  for (;;) {
    try {
      await once(() => (failures = 0));
    } catch (error) {
      now.error = error;
    }
    interrupt();
    if (now.error?.code === "unauthenticated") {
      await locked();
      continue;
    }
    failures += 1;
    const pause = Math.min(PAUSE_MIN * 2 ** (failures - 1), PAUSE_MAX) * (0.5 + Math.random() / 2);
    now.retryAt = Date.now() + pause;
    become("lost");
    await Promise.race([sleep(pause), new Promise((done) => (hurry = done))]);
  }
}

// Asks again at once.
export function retry() {
  hurry();
}

async function once(heard) {
  const stop = new AbortController();
  let watchdog = setTimeout(() => stop.abort(), SILENCE);
  try {
    for await (const answer of stream("WatchStatus", ASKED, stop.signal)) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), SILENCE);
      now.answer = answer;
      now.at = Date.now();
      now.error = null;
      heard();
      take(answer.status);
      become("heard");
      live.dispatchEvent(new Event("status"));
    }
  } finally {
    clearTimeout(watchdog);
    stop.abort();
  }
}

// Waits for a token.
async function locked() {
  const had = hasToken();
  become("locked");
  live.dispatchEvent(new CustomEvent("locked", { detail: { refused: had } }));
  await new Promise((done) => (hurry = done));
  become("connecting");
}

function become(link) {
  if (now.link === link) return;
  if (link === "lost") announce("The gateway is not heard any more.");
  if (link === "heard" && now.link === "lost") announce("The gateway is heard again.");
  now.link = link;
  live.dispatchEvent(new Event("link"));
}

// Calls `work` with the last answer now, if there is one, and with each that follows, until the signal says stop.
export function eachStatus(signal, work) {
  if (now.answer) work(now.answer);
  live.addEventListener("status", () => work(now.answer), { signal });
}
