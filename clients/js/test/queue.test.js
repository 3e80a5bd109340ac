// What waits for a reader that is slower than its gateway.
import assert from "node:assert/strict";
import { test } from "node:test";
import { internals } from "../floodway.js";

const { MessageQueue } = internals;
const event = (id) => ({ type: "telemetry", id });
const gap = (dropped) => ({ type: "gap", reason: "client", dropped });

async function drain(queue) {
  const read = [];
  while (!queue.isEmpty()) read.push(await queue.shift());
  return read;
}

test("messages come out in order, also to who waits for them", async () => {
  const queue = new MessageQueue(4);
  const both = [queue.shift(), queue.shift()];
  [1, 2, 3].forEach((id) => queue.push(event(id)));
  assert.deepEqual(await Promise.all(both), [event(1), event(2)]);
  assert.deepEqual(await drain(queue), [event(3)]);
});

test("events beyond the bound are one gap, at their place, with their number", async () => {
  const queue = new MessageQueue(4);
  for (let id = 1; id <= 9; id++) queue.push(event(id));
  const first = [await queue.shift(), await queue.shift()];
  queue.push(event(10)); // three still wait
  first.push(await queue.shift(), await queue.shift());
  queue.push(event(11));
  assert.deepEqual([...first, ...(await drain(queue))], [1, 2, 3, 4].map(event).concat(gap(6), event(11)));
});

test("every event is read or counted, in order, however reader and gateway take turns", async () => {
  for (let round = 0; round < 200; round++) {
    const [queue, read] = [new MessageQueue(1 + (round % 9)), []];
    let sent = 0;
    for (let turn = 0; turn < 100; turn++) {
      for (let more = Math.random() * 6; more > 0; more--) queue.push(event(++sent));
      for (let more = Math.random() * 5; more > 1 && !queue.isEmpty(); more--) read.push(await queue.shift());
    }
    read.push(...(await drain(queue)));
    let at = 0;
    for (const message of read) {
      at += message.type === "gap" ? message.dropped : 1;
      if (message.type === "telemetry") assert.equal(message.id, at);
    }
    assert.equal(at, sent);
  }
});

test("notices are never lost", async () => {
  const queue = new MessageQueue(2);
  [event(1), event(2), event(3), { type: "upstream" }, event(4), { type: "state" }].forEach((message) => queue.push(message));
  const read = await drain(queue);
  assert.deepEqual(read, [event(1), event(2), gap(1), { type: "upstream" }, gap(1), { type: "state" }]);
});

test("who asks for room waits until there is some", async () => {
  const [queue, order] = [new MessageQueue(2), []];
  await queue.room();
  [1, 2].forEach((id) => queue.push(event(id)));
  const waits = queue.room().then(() => order.push("room"));
  await Promise.resolve();
  order.push("full");
  await queue.shift();
  await waits;
  assert.deepEqual(order, ["full", "room"]);
});
