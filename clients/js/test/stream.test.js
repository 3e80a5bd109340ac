// A stream over a socket, or from a server, that a test plays the gateway on.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { connect, StreamError } from "../floodway.js";

const CONNECTED = {
  type: "connected",
  tenant_id: "T1",
  filters: { device_ids: [], group_ids: [], metric_names: [], all_devices: true },
  expires_at: "2999-01-01T00:00:00Z",
  last_event_id: "7",
};

const EVENT = 'id: 8\ndata: {"type":"telemetry"}\n\n';

// Opens a stream over sockets that the test holds: `opened()` is the next one.
function scripted(options) {
  const [sockets, waiting] = [[], []];
  class Socket {
    sent = [];
    constructor(address, protocols) {
      Object.assign(this, { url: new URL(address), protocols });
      const next = waiting.shift() ?? ((socket) => sockets.push(socket));
      queueMicrotask(() => next(this));
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.isClosed = true;
    }
    gives(message) {
      this.onmessage({ data: JSON.stringify(message) });
    }
  }
  const stream = connect("http://gateway/base/?cache=1", { WebSocket: Socket, token: "a.b.c", ...options });
  const messages = stream[Symbol.asyncIterator]();
  const opened = () => (sockets.length > 0 ? sockets.shift() : new Promise((resolve) => waiting.push(resolve)));
  return { stream, messages, opened };
}

// Reads up to a message of that type, or a state of that name.
async function until(messages, name) {
  for (;;) {
    const { value, done } = await messages.next();
    assert.ok(!done, `${name} comes`);
    if (value.type === name || value.state === name) return value;
  }
}

test("the token goes among the subprotocols, and the address names all but it", async () => {
  const { stream, opened } = scripted({ devices: "A", lastEventId: "5", maxRate: 2 });
  const socket = await opened();
  assert.equal(socket.url.pathname, "/base/api/v1/customer/telemetry/stream");
  assert.equal(socket.url.search, "?cache=1&device_id=A&max_rate=2&last_event_id=5");
  assert.deepEqual(socket.protocols, ["floodway.v1", "bearer.a.b.c"]);
  stream.close();
  assert.ok(socket.isClosed);
});

test("what is asked for while a connection is made is sent when it is open, and stands in the next request", async () => {
  const { stream, messages, opened } = scripted({ devices: ["A"] });
  const first = await opened();
  stream.subscribe({ devices: ["B"], groups: ["G"] });
  assert.deepEqual(first.sent, []);
  first.gives(CONNECTED);
  assert.deepEqual(first.sent, [{ action: "subscribe", device_ids: ["B"] }, { action: "subscribe", group_ids: ["G"] }]);
  first.gives({ type: "telemetry", device_id: "A", id: "9" });
  first.onclose({ code: 1006, reason: "" });
  assert.equal((await until(messages, "waiting")).code, 1006);
  const second = await opened();
  assert.equal(second.url.searchParams.get("device_id"), "A,B");
  assert.equal(second.url.searchParams.get("last_event_id"), "9");
  stream.close();
});

test("a change that the gateway refuses is taken back, and one that it has made is kept", async () => {
  const { stream, messages, opened } = scripted({ devices: ["A"] });
  const socket = await opened();
  socket.gives(CONNECTED);
  stream.subscribe({ devices: ["B"] });
  stream.setMetrics(["t"]);
  assert.deepEqual(stream.filters, { devices: ["A", "B"], groups: [], metrics: ["t"], allDevices: false });
  socket.gives({ type: "error", message: "Too many devices: at most 1" });
  socket.gives({ type: "metrics_updated", metrics: ["t"] });
  assert.deepEqual(stream.filters, { devices: ["A"], groups: [], metrics: ["t"], allDevices: false });
  assert.equal((await until(messages, "error")).message, "Too many devices: at most 1");
  stream.close();
});

test("the id is that of what was read, not of what has come", async () => {
  const { stream, messages, opened } = scripted();
  const socket = await opened();
  socket.gives(CONNECTED);
  for (const id of ["8", "9"]) socket.gives({ type: "telemetry", id });
  await until(messages, "connected");
  assert.equal(stream.lastEventId, "7");
  await until(messages, "telemetry");
  assert.equal(stream.lastEventId, "8");
  stream.close();
});

test("a connection on which nothing comes is given up", async () => {
  const { stream, messages, opened } = scripted({ silenceMs: 20 });
  const socket = await opened();
  assert.equal((await until(messages, "waiting")).reason, "Nothing came for too long");
  assert.ok(socket.isClosed);
  stream.close();
});

test("a stream that is closed ends its loop, and leaves no timer behind", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  for (const end of ["close", "abort", "close while it waits"]) {
    const controller = new AbortController();
    const { stream, messages, opened } = scripted({ signal: controller.signal, token: () => "a.b.c" });
    const socket = await opened();
    socket.gives(CONNECTED);
    assert.ok(timers() > before);
    if (end === "close while it waits") {
      socket.onclose({ code: 1006, reason: "" });
      await until(messages, "waiting");
    }
    if (end === "abort") controller.abort();
    else stream.close();
    await until(messages, "closed");
    assert.equal((await messages.next()).done, true);
    assert.equal(timers(), before, end);
  }
});

test("a callback that says it is over ends the stream, one that fails is asked again", async () => {
  let asked = 0;
  const token = () => {
    if (++asked === 1) throw new Error("the session's server is away");
    throw new StreamError(401, "signed out", { retryable: false });
  };
  const stream = connect("http://gateway", { WebSocket: class {}, token });
  const messages = stream[Symbol.asyncIterator]();
  assert.equal((await until(messages, "waiting")).reason, "the session's server is away");
  // A code of tokens is given one more try.
  assert.equal((await until(messages, "waiting")).code, 401);
  await until(messages, "closed");
  await assert.rejects(messages.next(), { name: "StreamError", code: 401, reason: "signed out", retryable: false });
});

test("over SSE the gateway's own time to come back is kept, and its refusal is thrown", async (context) => {
  const answers = [
    [503, { "content-type": "application/json", "retry-after": "1" }, '{"detail":"Server at capacity"}'],
    [200, { "content-type": "text/event-stream" }, `retry: 1\n\nid: 7\ndata: ${JSON.stringify(CONNECTED)}\n\n${EVENT}`],
    [403, { "content-type": "application/json" }, '{"detail":"Unauthorized role"}'],
  ];
  const asked = [];
  const server = createServer((request, response) => {
    asked.push([request.headers.authorization, new URL(request.url, "http://gateway").searchParams.get("last_event_id")]);
    const [status, headers, body] = answers[asked.length - 1];
    response.writeHead(status, headers).end(body);
  });
  context.after(() => server.close().closeAllConnections());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const stream = connect(`http://127.0.0.1:${server.address().port}`, { transport: "sse", token: "a.b.c" });
  const messages = stream[Symbol.asyncIterator]();
  const busy = await until(messages, "waiting");
  assert.deepEqual([busy.code, busy.reason], [503, "Server at capacity"]);
  assert.ok(busy.retryInMs >= 1000);
  assert.equal((await until(messages, "telemetry")).id, "8");
  assert.ok((await until(messages, "waiting")).retryInMs <= 2, "from the stream's own pause on");
  await until(messages, "closed");
  await assert.rejects(messages.next(), { code: 403, reason: "Unauthorized role", retryable: false });
  assert.deepEqual(asked, [["Bearer a.b.c", ""], ["Bearer a.b.c", ""], ["Bearer a.b.c", "8"]]);
});
