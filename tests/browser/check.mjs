// What the tests of both pages share: a browser, the looks that a page has, and what must hold in each of them.
//
// Run by Node with FLOODWAY_TEST_NODE, the folder into which scripts/test has installed package.json. With
// FLOODWAY_SCREENSHOTS, a folder, pictures are left there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.FLOODWAY_TEST_NODE ?? ".", "/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// How long any one condition may take, in milliseconds: far more than needed, since the machine may be busy.
export const DEADLINE = 30_000;

// Every look of a page: a telephone and a desk, by day and by night.
export const LOOKS = ["light", "dark"].flatMap((scheme) => [
  { name: `${scheme}-1440`, colorScheme: scheme, viewport: { width: 1440, height: 900 } },
  { name: `${scheme}-390`, colorScheme: scheme, viewport: { width: 390, height: 844 } },
]);

// Runs `work` with a browser. What is thrown is told, and the exit status 1.
export async function run(work) {
  // Tests run as root in a container, where Chromium's own sandbox does not.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

// Opens `url` in a tab of its own with this look. `faults` of the page it gives fills with each error of the console, each
// exception, and each request to another origin, except what `pardons` says is meant to happen.
export async function open(browser, url, look = LOOKS[0], pardons = () => false) {
  const context = await browser.newContext({ colorScheme: look.colorScheme, viewport: look.viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  const faults = [];
  const note = (fault) => pardons(fault) || faults.push(fault);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && note(`console: ${message.text()}`));
  page.on("pageerror", (error) => note(`exception: ${error.stack}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && !["data:", "blob:"].includes(protocol)) note(`request to ${origin}`);
  });
  await page.goto(url);
  return Object.assign(page, { faults, look });
}

// Waits until `condition`, which may ask the page, is true.
export async function until(what, condition) {
  const end = Date.now() + DEADLINE;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `waited ${DEADLINE} ms in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

// What must hold of every view in every look: nothing reaches beyond the screen's edge, nobody is kept out, and nothing went
// wrong.
export async function isSound(page, name) {
  const what = `${name}, ${page.look.name}`;
  assert.deepEqual(await beyondTheEdge(page), [], `${what}: beyond the edge`);
  assert.deepEqual(await barriers(page), [], `${what}: barriers that axe finds`);
  assert.deepEqual(page.faults, [], `${what}: faults`);
  await picture(page, name);
}

// Elements that make the page wider than its window, by their beginnings.
function beyondTheEdge(page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const beyond = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
    return [`${document.documentElement.scrollWidth} of ${innerWidth} px`, ...beyond.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
  });
}

async function barriers(page) {
  await page.evaluate(`${axe};0`);
  return page.evaluate(async () => {
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join("; ")}`);
  });
}

// Leaves a picture of the page as it is now, if pictures are wanted.
export async function picture(page, name) {
  const folder = process.env.FLOODWAY_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}-${page.look.name}.png`), fullPage: true });
}
