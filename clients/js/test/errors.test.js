// Which ends say that another try makes sense, as docs/protocol.md has it, and how long the pauses are.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { internals, StreamError } from "../floodway.js";

const { backoff } = internals;

// The rows of the table of ends: the numbers in its columns of codes and statuses, and whether a retry helps.
async function ends() {
  const page = await readFile(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| label | close code |"));
  const rows = table.split("\n").slice(2).map((line) => line.split("|").map((cell) => cell.trim()));
  return rows.filter((cells) => cells.length > 5).map(([, label, code, status, retry]) => {
    return { label, numbers: `${code} ${status}`.match(/\d+/g) ?? [], retry };
  });
}

test("an error is retryable where the protocol's table says so", async () => {
  const rows = await ends();
  assert.ok(rows.length > 20, "the table is found");
  // A client's own close is no error. Where it did not ask for it, somebody between it and the gateway did.
  for (const { label, numbers, retry } of rows.filter(({ label }) => label !== "`closed`")) {
    for (const number of numbers) {
      assert.equal(new StreamError(Number(number), "x").retryable, retry === "yes", `${label} ${number}`);
    }
  }
});

test("what is lost on the way is retryable, and what only proxies say", () => {
  for (const code of [0, 1001, 1005, 1006, 1011, 1014, 502, 504]) assert.ok(new StreamError(code, "x").retryable, `${code}`);
  for (const code of [404, 418, 1008, 3000, 4999]) assert.ok(!new StreamError(code, "x").retryable, `${code}`);
});

test("an error says what it is", () => {
  const error = new StreamError(4029, "Max streaming connections (10) reached for tenant");
  assert.ok(error instanceof Error);
  assert.equal(`${error}`, "StreamError: Max streaming connections (10) reached for tenant (4029)");
  assert.equal(new StreamError(0, "The stream ended").message, "The stream ended");
});

test("a gateway that is full is given time", () => {
  assert.ok(new StreamError(1013, "x").retryAfterMs >= 1000);
  assert.equal(new StreamError(503, "x", { retryAfterMs: 5000 }).retryAfterMs, 5000);
  assert.equal(new StreamError(1006, "x").retryAfterMs, undefined);
});

test("a caller decides for an error of its own", () => {
  assert.equal(new StreamError(0, "signed out", { retryable: false }).retryable, false);
});

test("pauses double up to a bound, and are spread from none to all of it", () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 100, 5000].map((failures) => backoff(failures, undefined, () => 1));
  assert.deepEqual(longest, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  assert.equal(backoff(100, undefined, () => 0), 0);
  assert.equal(backoff(1, 2000, () => 0.5), 1000);
  for (let failures = 1; failures < 200; failures++) {
    const pause = backoff(failures);
    assert.ok(pause >= 0 && pause <= 30_000, `${pause} after ${failures}`);
  }
});
