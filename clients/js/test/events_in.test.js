// What the reader of server-sent events makes of bytes that are cut anywhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { internals } from "../floodway.js";

async function read(chunks) {
  const events = [];
  for await (const event of internals.eventsIn(ReadableStream.from(chunks))) events.push(event);
  return events;
}

const bytes = (text) => new TextEncoder().encode(text);
const cut = (whole, places) => places.map((place, nth) => whole.subarray(places[nth - 1] ?? 0, place));

const TEXT = [
  "\uFEFFretry: 2000\n\n",
  'event: connected\nid: 7\ndata: {"type":"connected"}\n\n',
  ": keepalive 2026-02-16T12:00:00.000Z\n\n",
  'id:1846290011021312\ndata:{"device_id":"Ω🌡️"}\n\n',
  "data: two\ndata:  lines\nignored: x\ndata\n\n",
].join("");
const EVENTS = [
  { retryMs: 2000, data: "" },
  { id: "7", data: '{"type":"connected"}' },
  { data: "" },
  { id: "1846290011021312", data: '{"device_id":"Ω🌡️"}' },
  { data: "two\n lines\n" },
];

for (const [name, end] of [["LF", "\n"], ["CR LF", "\r\n"]]) {
  test(`events are the same wherever one cut falls, with line ends ${name}`, async () => {
    const whole = bytes(TEXT.replaceAll("\n", end));
    for (let place = 0; place <= whole.length; place++) {
      assert.deepEqual(await read(cut(whole, [place, whole.length])), EVENTS, `cut at ${place}`);
    }
  });

  test(`events are the same when each byte comes alone, with line ends ${name}`, async () => {
    const whole = bytes(TEXT.replaceAll("\n", end));
    assert.deepEqual(await read([...whole].map((byte) => Uint8Array.of(byte))), EVENTS);
  });
}

test("events are the same under many cuts of any kind", async () => {
  for (let round = 0; round < 500; round++) {
    const end = ["\n", "\r\n", "\r"][round % 3];
    // Behind a CR at the very end an LF may still come, so something follows.
    const whole = bytes(`${TEXT.replaceAll("\n", end)}: end`);
    const places = Array.from({ length: round % 17 }, () => Math.floor(Math.random() * whole.length));
    const cuts = [...places.sort((a, b) => a - b), whole.length];
    assert.deepEqual(await read(cut(whole, cuts)), EVENTS, `cuts at ${cuts}, ${JSON.stringify(end)}`);
  }
});

test("an event that its stream does not end is none", async () => {
  assert.deepEqual(await read([bytes("data: whole\n\ndata: half\n")]), [{ data: "whole" }]);
});

test("an id with NUL and a pause that is no number are passed over", async () => {
  assert.deepEqual(await read([bytes("id: a\0b\nretry: soon\ndata: x\n\n")]), [{ data: "x" }]);
});
