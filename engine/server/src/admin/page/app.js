// The operator's page: puts its parts together.

import { hasToken, useToken } from "./api.js";
import { askToken, showKeys } from "./dialogs.js";
import { announce, fill, h, say } from "./dom.js";
import { explain } from "./explain.js";
import { fleet } from "./fleet.js";
import { clock, duration, seconds } from "./format.js";
import { groups } from "./groups.js";
import { guard, learn } from "./guard.js";
import { journal } from "./journal.js";
import { listen } from "./keys.js";
import { limits } from "./limits.js";
import { follow, live, now, retry } from "./live.js";
import { overview } from "./overview.js";
import { badge, button } from "./parts.js";
import { again, start } from "./router.js";
import { stream } from "./stream.js";
import { streams } from "./streams.js";
import { tail } from "./tail.js";
import { tenant } from "./tenant.js";
import { tenants } from "./tenants.js";
import { apply, nextTheme, theme, useTheme } from "./theme.js";

const VIEWS = {
  all: { "": overview, tenants, streams, limits, groups, tail, explain, journal, fleet },
  one: { tenants: tenant, streams: stream },
};
const node = document.getElementById("node");
const link = document.getElementById("link");
const banner = h("div.banner", { hidden: true, role: "note" });
const lost = h("div.banner.bad", { hidden: true, role: "alert" });

function switchTheme() {
  useTheme(nextTheme());
  showTheme();
  announce(`Theme: ${theme()}`);
}

function showTheme() {
  fill(themes, h("span.more", {}, "Theme: "), theme());
  themes.setAttribute("aria-label", `Theme: ${theme()}`);
}

const themes = button("", switchTheme);
const keys = button("?", showKeys, { "aria-label": "Keys", title: "Keys" });
const out = button("Sign out", signOut, { hidden: !hasToken() });
const menu = button("Menu", () => {
  const open = document.getElementById("nav").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
}, { id: "menu", "aria-expanded": "false", "aria-controls": "nav" });

function signOut() {
  useToken("");
  location.reload();
}

async function signIn(refused) {
  const token = await askToken(refused);
  useToken(token);
  out.hidden = false;
  retry();
  await learn(banner);
  again(VIEWS);
}

function showLink() {
  const { answer, at, link: state, error } = now;
  const status = answer?.status;
  if (status) say(node, `${status.node.name || status.node.id} · ${status.node.version} · up ${duration(seconds(status.node.uptime))}`);
  const word = {
    connecting: ["warn", "connecting"],
    locked: ["warn", "token needed"],
    lost: ["bad", "not heard"],
    heard: status?.draining ? ["warn", "draining"] : status?.ready ? ["good", "ready"] : ["bad", "not ready"],
  }[state];
  if (link.dataset.word !== word.join()) fill(link, badge(...word));
  link.dataset.word = word.join();
  lost.hidden = state !== "lost";
  if (state !== "lost") return;
  const heard = at ? `It was last heard at ${clock(at)}; what stands here is from then.` : "It was not heard yet.";
  say(lost, `${error?.message ?? "The gateway does not answer."} ${heard} It is asked again by itself.`);
}

apply();
showTheme();
document.getElementById("tools").append(themes, out, keys, menu);
document.getElementById("nav").after(lost, banner);
guard(banner);
listen({ help: showKeys, theme: switchTheme });
live.addEventListener("status", showLink);
live.addEventListener("link", showLink);
live.addEventListener("locked", ({ detail }) => signIn(detail.refused));
// Back in sight, or on a network again: no need to wait.
for (const happening of ["online", "visibilitychange"]) addEventListener(happening, () => !document.hidden && now.link === "lost" && retry());
start(VIEWS);
showLink();
learn(banner);
follow();
