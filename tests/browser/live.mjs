// The live page in a real browser, one story a run: node live.mjs STORY ADDRESS TOKEN

import assert from "node:assert/strict";

import { isSound, LOOKS, open, run, until } from "./check.mjs";

const [story, address, token] = process.argv.slice(2);

const STORIES = { looks, charts, picks, reading, gap, full, refused, restart };

const watch = (browser, look, pardons) => open(browser, `${address}#token=${token}`, look, pardons);

const chart = (page, metric) => page.getByRole("article", { name: metric, exact: true });
const state = (page) => page.locator("#state");
const journal = (page) => page.getByRole("list", { name: "What happened" });
const lastMessage = (page) => page.getByLabel("The last message", { exact: true }).locator("visible=true").last();

// What a chart shows, as an image.
const picture = (page, metric) => chart(page, metric).getByRole("slider").screenshot();

// The page is sound in every look: without a token, with charts, and with what there is to pick.
async function looks(browser) {
  for (const look of LOOKS) {
    const page = await open(browser, address, look);
    await page.getByLabel("Token").waitFor();
    await isSound(page, "live-door");
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Watch" }).click();
    await chart(page, "n").waitFor();
    await page.getByRole("cell", { name: "<b>bold</b>" }).first().waitFor();
    await isSound(page, "live");
    await page.locator("#choose").evaluate((choose) => (choose.open = true));
    await page.getByRole("checkbox", { name: "A", exact: true }).waitFor();
    await isSound(page, "live-choose");
    await page.getByLabel("Colours").selectOption(look.colorScheme === "dark" ? "light" : "dark");
    await isSound(page, "live-other-colours");
    await page.context().close();
  }
}

// Lines move, and stand still while the page pauses. A token leaves the address bar, and outlives a reload.
async function charts(browser) {
  const page = await watch(browser);
  await chart(page, "n").waitFor();
  assert.equal(page.url(), address);
  await page.reload();
  await chart(page, "n").waitFor();
  const before = await picture(page, "n");
  await until("the chart has moved", async () => !before.equals(await picture(page, "n")));
  await page.getByRole("button", { name: "Pause" }).click();
  const stopped = await stands(page);
  const [last] = await journal(page).getByRole("listitem").allTextContents();
  assert.match(last, /Connected over WebSocket/);
  await page.getByRole("button", { name: "Go on" }).click();
  await until("it moves again", async () => !stopped.equals(await picture(page, "n")));
  assert.deepEqual(page.faults, []);
}

// Waits until two pictures in a row are the same, while events still come.
async function stands(page) {
  let [before, after] = [await picture(page, "n"), null];
  await until("the chart stands still", async () => {
    [before, after] = [await picture(page, "n"), before];
    return before.equals(after);
  });
  return before;
}

// Who ticks a metric is sent no other; who ticks a device is sent no other; who unticks both, everything again. Over both
// transports. What can't be a name is told, and changes nothing.
async function picks(browser) {
  const page = await watch(browser);
  await chart(page, "half").waitFor();
  for (const transport of ["WebSocket", "SSE"]) {
    await page.getByRole("radio", { name: transport }).check();
    await until(`it comes over ${transport}`, async () => /Live/.test(await state(page).textContent()));
    await page.getByRole("checkbox", { name: "n", exact: true }).check();
    await chart(page, "half").waitFor({ state: "detached" });
    await until("only n comes", async () => /"metrics": \{\s*"n": \d+\s*\}/.test(await lastMessage(page).textContent()));
    await page.getByRole("checkbox", { name: "A", exact: true }).check();
    const lines = chart(page, "n").getByRole("button");
    await until("only A is drawn", async () => (await lines.count()) === 1);
    await page.getByRole("button", { name: "All devices" }).click();
    await until("B is drawn again", async () => (await lines.count()) === 2);
    await page.getByRole("button", { name: "All metrics" }).click();
    await chart(page, "half").waitFor();
  }
  const typed = page.getByLabel("Find or name a device");
  await typed.fill("a/b");
  await typed.press("Enter");
  await page.locator("#notice").getByText('No name: "a/b"').waitFor();
  await chart(page, "n").waitFor();
  assert.deepEqual(page.faults, []);
}

// Values can be read with the arrow keys, and stand beside the names.
async function reading(browser) {
  const page = await watch(browser);
  const slider = chart(page, "n").getByRole("slider");
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await until("both values are told", async () => /: (A|B) \d+, (A|B) \d+$/.test(await slider.getAttribute("aria-valuetext")));
  await chart(page, "n").locator(".box").getByText("B", { exact: true }).waitFor();
  await chart(page, "n").getByRole("button", { name: /^A/ }).click();
  await chart(page, "half").getByRole("button", { name: /^A/, pressed: true }).waitFor();
  await isSound(page, "live-reading");
}

// What a page that reads too slowly has missed is told in words, and is a shaded band.
async function gap(browser) {
  const page = await watch(browser);
  await chart(page, "n").waitFor();
  console.log("hold it up");
  const words = journal(page).getByText(/^\d[\d,]* events? lost here: this page read too slowly \(overflow\)\.$/);
  await words.waitFor();
  await until("the gap is shaded", () => chart(page, "n").locator("canvas.lines").evaluate(isShaded));
  await isSound(page, "live-gap");
}

// Whether the colour that gaps have at their upper edge is there.
function isShaded(canvas) {
  const [red, green, blue] = getComputedStyle(canvas).getPropertyValue("--gap-edge").match(/\d+/g).map(Number);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, 2);
  const isEdge = (at) => data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255;
  return Array.from({ length: canvas.width }, (_, x) => x * 4).some(isEdge);
}

// A tenant that has all its streams is told so in a sentence, and the page gets in as soon as there is room.
async function full(browser) {
  const page = await watch(browser, LOOKS[0], (fault) => /429|4029/.test(fault));
  await page.locator("#notice").getByText("The tenant's limit of 1 stream is reached.").waitFor();
  await until("the next try is told", async () => /next try in \d+ s/.test(await state(page).textContent()));
  await isSound(page, "live-full");
  console.log("make room");
  await until("it is live", async () => /Live over WebSocket/.test(await state(page).textContent()));
  assert.equal(await page.locator("#notice").isVisible(), false);
}

// A token that is refused is asked for again, with the reason.
async function refused(browser) {
  const page = await open(browser, `${address}#token=e30.e30.bad`, LOOKS[0]);
  await page.getByRole("alert").getByText("The token is missing or wrong, or its time is over.").waitFor();
  await isSound(page, "live-refused");
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await chart(page, "n").waitFor();
}

// Over SSE, a connection that is cut is resumed without a gap; a gateway that was restarted is found again, and what that
// may have cost is told.
async function restart(browser) {
  const page = await watch(browser, LOOKS[0], (fault) => /ERR_|Failed to load/.test(fault));
  await chart(page, "n").waitFor();
  await page.getByRole("radio", { name: "SSE" }).check();
  const live = async () => /Live over server-sent events/.test(await state(page).textContent());
  const lost = async () => /Waiting|Connecting/.test(await state(page).textContent());
  await until("it comes over SSE", live);
  console.log("cut it off");
  await until("the loss is noticed", lost);
  console.log("let it in");
  await until("it is back", live);
  assert.equal(await journal(page).getByText("missing here").count(), 0);
  console.log("restart the gateway");
  await until("the loss is noticed", lost);
  await until("it is back", live);
  await journal(page).getByText("the gateway no longer holds what was sent while this page was away (replay).").waitFor();
  const before = await lastMessage(page).textContent();
  await until("events go on", async () => (await lastMessage(page).textContent()) !== before);
  assert.deepEqual(page.faults, []);
}

await run(STORIES[story]);
