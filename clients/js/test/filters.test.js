// Filters as the gateway reckons them, and the query that a connection asks for them with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, internals } from "../floodway.js";

const { changed, queryOf } = internals;
const EVERYTHING = { devices: [], groups: [], metrics: [], allDevices: true };
const after = (...actions) => actions.reduce(changed, EVERYTHING);
const subscribe = (...device_ids) => ({ action: "subscribe", device_ids });
const unsubscribe = (...device_ids) => ({ action: "unsubscribe", device_ids });

test("a stream that names nothing gets everything", () => {
  assert.equal(queryOf(EVERYTHING), "");
});

test("names add up, each once, and are taken out again", () => {
  const filters = after(subscribe("A", "B"), subscribe("B", "C"), { action: "subscribe", group_ids: ["G"] }, unsubscribe("A"));
  assert.deepEqual(filters, { devices: ["B", "C"], groups: ["G"], metrics: [], allDevices: false });
  assert.equal(queryOf(filters), "device_id=B,C&group_id=G");
});

test("who gives up the last device asks for nobody's events, and not for everybody's", () => {
  const query = queryOf(after(subscribe("A"), unsubscribe("A")), {}, "7");
  assert.equal(query, "group_id=floodway-client-nothing&last_event_id=");
});

test("who has everything and gives up a device keeps everything", () => {
  assert.deepEqual(after(unsubscribe("A")), EVERYTHING);
});

test("clearing goes back to every device and every metric", () => {
  const clear = { action: "clear_filters" };
  assert.deepEqual(after(subscribe("A"), { action: "set_metrics", metrics: ["t"] }, clear), EVERYTHING);
  assert.deepEqual(after(subscribe("A"), unsubscribe("A"), clear), EVERYTHING);
});

test("metrics are replaced, and none means all", () => {
  const metrics = (...metrics) => ({ action: "set_metrics", metrics });
  assert.equal(queryOf(after(metrics("t", "t", "h"))), "metric=t,h");
  assert.equal(queryOf(after(metrics("t"), metrics())), "");
});

test("a refresh changes no filter", () => {
  assert.deepEqual(after(subscribe("A"), { action: "refresh", token: "x" }), after(subscribe("A")));
});

test("options and the id to go on behind stand in the query", () => {
  const options = { tenant: "T1", snapshot: true, overflow: "latest", maxRate: 0.2, token: "secret" };
  const query = "tenant=T1&snapshot=true&overflow=latest&max_rate=0.2&last_event_id=7";
  assert.equal(queryOf(EVERYTHING, options, "7"), query);
  assert.equal(queryOf(EVERYTHING, {}, ""), "last_event_id=");
});

test("names are encoded, and read back as they are", () => {
  const devices = ["a&b=c", "x y", "100%", "Ω", "a;b"];
  const query = queryOf(after(subscribe(...devices)));
  assert.deepEqual(new URLSearchParams(query).get("device_id").split(","), devices);
});

test("a name that no query can carry is refused at once", () => {
  for (const name of ["", "a,b", " a", "a ", "a/b", "a+b", "a#b", "a\nb"]) {
    assert.throws(() => queryOf(after(subscribe(name))), TypeError, name);
  }
  assert.throws(() => queryOf(after({ action: "set_metrics", metrics: ["a,b"] })), TypeError);
  assert.equal(queryOf(after({ action: "set_metrics", metrics: ["a/b"] })), "metric=a%2Fb");
});

test("filters that no request could carry are refused, and the stream keeps those that it has", () => {
  const stream = connect("http://127.0.0.1:9", { transport: "sse", token: "a.b.c", devices: "A" });
  const many = Array.from({ length: 2000 }, (_, nth) => `device-${nth}`);
  assert.throws(() => stream.subscribe({ devices: many }), RangeError);
  assert.throws(() => stream.subscribe({ devices: ["a,b"] }), TypeError);
  assert.deepEqual(stream.filters, { devices: ["A"], groups: [], metrics: [], allDevices: false });
  stream.close();
});

test("what can't be is refused at the start", () => {
  assert.throws(() => connect("localhost:8080", { transport: "sse" }), /https/);
  assert.throws(() => connect("http://h", { transport: "carrier pigeon" }), /No carrier pigeon here/);
  assert.throws(() => connect("http://h", { transport: "websocket", WebSocket: null }), /pass WebSocket/);
  assert.throws(() => connect("http://h", { transport: "sse", devices: ["a,b"] }), /a,b/);
});
