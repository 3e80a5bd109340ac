// The operator's page in a real browser, one story a run: node operator.mjs STORY ADDRESS [ARGUMENT…]

import assert from "node:assert/strict";

import { isSound, LOOKS, open, run, until } from "./check.mjs";

const [story, address, ...given] = process.argv.slice(2);

// The views, by what follows the address; those of one stream come when its id is known.
const VIEWS = {
  overview: "", tenants: "tenants", tenant: "tenants/T1", streams: "streams", limits: "limits", groups: "groups?tenant=T1",
  tail: "tail?tenant=T1", journal: "journal", fleet: "fleet",
};
// What each view shows once it has its data.
const FILLED = {
  overview: ".charts path.line-1[d*=L]", tenants: "tbody tr", tenant: "tbody tr", streams: "tbody tr", limits: "input[placeholder*=holds]",
  groups: "tbody tr", tail: ".feed li", journal: ".badge.good", fleet: "tbody tr", stream: ".chart path.line-1[d*=L]", explain: "form",
};

const STORIES = { looks, charts, tail, limit, group, disconnect, drain, tokens, outage };

// Every view is sound in every look.
async function looks(browser) {
  for (const look of LOOKS) {
    const page = await open(browser, address, look);
    await page.waitForSelector("#link .badge.good");
    for (const [name, path] of Object.entries({ ...VIEWS, ...(await viewsOfAStream(page)) })) {
      await visit(page, path);
      await page.waitForSelector(`#main ${FILLED[name]}`);
      await isSound(page, `operator-${name}`);
    }
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keys" }).waitFor();
    await isSound(page, "operator-keys");
    await page.context().close();
  }
}

async function viewsOfAStream(page) {
  await visit(page, "streams");
  const id = await page.locator("tbody th a").first().textContent();
  return { stream: `streams/${id}`, explain: `explain?stream=${id}` };
}

// The lines move while events are delivered.
async function charts(browser) {
  const page = await open(browser, address);
  const line = page.locator("figure", { hasText: "Deliveries" }).locator("path.line-1");
  const drawn = async () => ((await line.count()) > 0 ? line.getAttribute("d") : "");
  await until("a line is drawn", async () => (await drawn()).includes("L"));
  const before = await drawn();
  await until("it has moved", async () => (await drawn()) !== before);
  const told = page.locator("figure", { hasText: "Deliveries" }).getByRole("img");
  await until("it is told in words", async () => /Deliveries: now [1-9]/.test(await told.getAttribute("aria-label")));
  const time = page.locator("figure", { hasText: "Delivery time" }).locator("dd").first();
  await until("delivery times are measured", async () => /s$/.test(await time.textContent()));
  assert.deepEqual(page.faults, []);
}

// A tail shows the events of the device that is asked for, and no others; what a device sends is text.
async function tail(browser) {
  const page = await open(browser, `${address}#/tail`);
  await page.getByLabel("Tenant").fill("T1");
  await page.getByLabel("Devices").fill("A");
  await page.getByRole("button", { name: "Start" }).click();
  const rows = page.getByRole("log").getByRole("listitem");
  await until("some events are there", async () => (await rows.count()) >= 3);
  const texts = await rows.allTextContents();
  assert.ok(texts.every((text) => /^[\d:]+A\{"n":\d+,"tag":"<b>bold<\/b>"\}/.test(text)), texts.join("\n"));
  await page.getByLabel("Tenant").fill("a/b");
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByText("must not hold").or(page.locator(".error:not(:empty)")).first().waitFor();
  assert.deepEqual(page.faults, []);
}

// A bad limit is told at its field; a good one is set.
async function limit(browser) {
  const page = await open(browser, `${address}#/tenants/T1`, undefined, isRefusal);
  const form = page.getByRole("form", { name: "Limits of the tenant" });
  await form.getByLabel("Events that a stream may lag").fill("0");
  await form.getByRole("button", { name: "Set limits" }).click();
  await form.getByText("must be from 1 to 1000000").waitFor();
  assert.equal(await form.getByLabel("Events that a stream may lag").getAttribute("aria-invalid"), "true");
  await form.getByLabel("Events that a stream may lag").fill("");
  await form.getByLabel("Streams of a tenant").fill(given[0]);
  await form.getByRole("button", { name: "Set limits" }).click();
  await form.getByText("The limits hold now").waitFor();
  assert.deepEqual(page.faults, []);
}

// A group is made, and shown with its devices.
async function group(browser) {
  const page = await open(browser, `${address}#/groups?tenant=T1`);
  await page.getByRole("button", { name: "New group" }).click();
  await page.getByLabel("Group", { exact: true }).fill("G");
  await page.getByLabel("Devices").fill("A");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("G has 1 device").waitFor();
  await page.getByRole("button", { name: "G", exact: true }).click();
  await until("its devices are shown", async () => (await page.getByLabel("Devices").inputValue()) === "A");
  assert.deepEqual(page.faults, []);
}

// A stream is ended, after a question, with a reason; the journal tells of it. An event would have reached it.
async function disconnect(browser) {
  const journal = await open(browser, `${address}#/journal`);
  await journal.locator(".badge.good", { hasText: "live" }).waitFor();
  const page = await open(browser, `${address}#/streams`, undefined, isRefusal);
  await page.locator("tbody th a").first().click();
  await page.getByRole("link", { name: "Explain an event" }).click();
  await page.getByLabel("Device").fill("A");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("It would be delivered").waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Disconnect…" }).click();
  await page.getByLabel("Reason").fill(given[0]);
  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  await page.getByText("The stream was ended").first().waitFor();
  await journal.getByText("ended by an administrator").waitFor();
  assert.deepEqual([...page.faults, ...journal.faults], []);
}

// A drain is begun, seen, and cancelled.
async function drain(browser) {
  const page = await open(browser, `${address}#/fleet`);
  await page.getByLabel("Spread over, in seconds").fill("600");
  await page.getByRole("button", { name: "Drain…" }).click();
  await page.getByRole("button", { name: "Drain", exact: true }).click();
  await page.getByText("Draining since").waitFor();
  await page.locator("#link", { hasText: "draining" }).waitFor();
  await page.getByRole("button", { name: "Cancel the drain" }).click();
  await page.getByText("This gateway does not drain").waitFor();
  await page.locator("#link", { hasText: "ready" }).waitFor();
  assert.deepEqual(page.faults, []);
}

// The page asks for a token, and does not forget to say what the reading one may not do.
async function tokens(browser) {
  const [full, reading] = given;
  const page = await open(browser, `${address}#/tenants/T1`, undefined, isRefusal);
  const sign = async (token) => {
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await isSound(page, "operator-token");
  await sign("wrong");
  await page.getByText("The gateway does not know this token").waitFor();
  await sign(reading);
  await page.getByText("Read only: this token may look and change nothing").waitFor();
  await until("it may not disconnect", () => page.getByRole("button", { name: "Disconnect all…" }).isDisabled());
  await page.locator("#link", { hasText: "ready" }).waitFor();
  await isSound(page, "operator-reading");
  assert.deepEqual(await page.evaluate(() => [Object.values(localStorage), Object.values(sessionStorage)]), [[], [reading]]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await sign(full);
  await until("it may disconnect", () => page.getByRole("button", { name: "Disconnect all…" }).isEnabled());
  assert.ok(!page.url().includes(full));
  assert.deepEqual(page.faults, []);
}

// A gateway that is away is told as that, with when it was heard; when it is back the page goes on by itself.
async function outage(browser) {
  const page = await open(browser, address, undefined, (fault) => fault.includes("net::ERR"));
  await page.locator("#link", { hasText: "ready" }).waitFor();
  console.log("cut it off");
  await page.getByRole("alert").getByText("It was last heard at").waitFor();
  console.log("let it in");
  await page.locator("#link", { hasText: "ready" }).waitFor();
  await page.getByRole("alert").waitFor({ state: "hidden" });
  assert.deepEqual(page.faults, []);
}

// The browser's own word for an answer that is no 2xx: here it is what the story asks for.
function isRefusal(fault) {
  return /the server responded with a status of 40[0134]/.test(fault);
}

async function visit(page, path) {
  await page.evaluate((hash) => (location.hash = hash), `#/${path}`);
}

await run(STORIES[story]);
