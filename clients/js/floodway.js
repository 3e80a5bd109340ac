// Live telemetry from a floodway gateway, over WebSocket or SSE, for browsers and Node 20 or newer. `connect` gives an async
// iterable of its messages (docs/protocol.md), which comes back by itself after a loss, and goes on behind the last event.

const PATH = "/api/v1/customer/telemetry/stream";
const BACKOFF_MS = { first: 1_000, max: 30_000 }; // the longest pause before a try: from the first on it doubles
const BUSY_MS = { 1013: 2_000, 4029: 2_000, 429: 2_000, 503: 2_000 }; // the shortest, if a gateway that is full names none
const STABLE_MS = 10_000; // a connection that lived so long ends a row of failed tries
const SILENCE_MS = { websocket: 65_000, sse: 35_000 }; // more than twice what a gateway lets pass without a sign
const CHANGE_MS = 50; // over SSE, filters that change within this time are one new request
const RENEW_AT = { from: 0.6, to: 0.8 }; // the parts of a token's remaining life between which the next one is fetched
const TIMER_MS = { min: 1_000, max: 2 ** 31 - 1 }; // for that; a longer one would fire at once
const QUEUE_LENGTH = 10_000; // messages that wait for the reader
const FILTER_CHARS = 8_000; // what gateways and proxies surely take in a request's first line
const [ID, METRIC] = [/^(?!\s)[^,/+#\p{Cc}]+(?<!\s)$/u, /^(?!\s)[^,\p{Cc}]+(?<!\s)$/u]; // what a query can carry
// An empty filter in a query means "everything", so a stream that gave up its last device asks for a group that nobody has.
const NO_GROUP = "floodway-client-nothing";
const EVERYTHING = { devices: [], groups: [], metrics: [], allDevices: true };
const ANSWERS = ["subscribed", "unsubscribed", "metrics_updated", "filters_cleared", "refreshed", "error"];
const RETRYABLE = [0, 1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4008, 4029, 408, 425, 429, 500, 502, 503, 504];

/** Why a connection or the whole stream ended. `code`: a WebSocket's close code, an HTTP status, or 0 where neither came. */
export class StreamError extends Error {
  constructor(code, reason, { retryable = RETRYABLE.includes(code), retryAfterMs = BUSY_MS[code], cause } = {}) {
    super(code ? `${reason} (${code})` : reason, { cause });
    Object.assign(this, { name: "StreamError", code, reason, retryable, retryAfterMs });
  }
}
const CHANGE = new StreamError(0, "The next request has other filters, or another token");

// Full jitter: clients that lost one gateway together come back spread over the whole time.
const backoff = (failures, first = BACKOFF_MS.first, random = Math.random) =>
  Math.round(random() * Math.min(BACKOFF_MS.max, first * 2 ** (failures - 1)));

const list = (given) => [given ?? []].flat();
const union = (names, added = []) => [...new Set([...names, ...added])];
const without = (names, gone = []) => names.filter((name) => !gone.includes(name));

// One action for each list that names something, so that each has one answer.
function actionsOn(action, { devices, groups, snapshot }) {
  const lists = Object.entries({ device_ids: list(devices), group_ids: list(groups) });
  return lists.filter(([, names]) => names.length > 0).map(([key, names]) => ({ action, [key]: names, snapshot }));
}

// The filters after an action, as the gateway reckons them: who has everything and unsubscribes keeps everything, and who
// unsubscribes from the last one has nothing.
function changed(filters, { action, device_ids, group_ids, metrics }) {
  if (action === "clear_filters") return EVERYTHING;
  if (action === "set_metrics") return { ...filters, metrics: union(metrics) };
  const change = { subscribe: union, unsubscribe: without }[action] ?? list;
  const allDevices = filters.allDevices && action !== "subscribe";
  return { ...filters, devices: change(filters.devices, device_ids), groups: change(filters.groups, group_ids), allDevices };
}

function queryOf({ devices, groups, metrics, allDevices }, { tenant, snapshot, overflow, maxRate } = {}, lastEventId) {
  const wrong = [devices, groups].flat().find((id) => !ID.test(id)) ?? metrics.find((name) => !METRIC.test(name));
  if (wrong !== undefined) throw new TypeError(`No name: ${JSON.stringify(wrong)} is empty, or holds , / + # or outer spaces`);
  const isLong = encodeURI([devices, groups, metrics]).length > FILTER_CHARS;
  if (isLong) throw new RangeError(`Filters are longer than ${FILTER_CHARS} characters: use groups`);
  const isNothing = !allDevices && devices.length + groups.length === 0;
  const lists = { device_id: devices, group_id: isNothing ? [NO_GROUP] : groups, metric: metrics };
  // Who wants nothing misses nothing while away. An empty id makes a WebSocket's events carry theirs.
  const options = { tenant, snapshot, overflow, max_rate: maxRate, last_event_id: isNothing ? "" : lastEventId };
  const given = Object.entries({ ...lists, ...options }).filter(([, value]) => list(value).length > 0);
  return given.map(([key, value]) => `${key}=${list(value).map(encodeURIComponent)}`).join("&");
}

// Server-sent events out of chunks of bytes that end anywhere. What only keeps the stream alive comes as an event without data.
async function* eventsIn(body) {
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  let [rest, event] = ["", { data: [] }];
  for (let chunk; !(chunk = await reader.read()).done; ) {
    const lines = (rest + decoder.decode(chunk.value, { stream: true })).split(/\r\n|\n|\r(?!$)/); // CR: or half of CR LF
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "data") event.data.push(value);
      if (field === "id" && !value.includes("\0")) event.id = value;
      if (field === "retry" && /^\d+$/.test(value)) event.retryMs = Number(value);
      if (line !== "") continue;
      yield { ...event, data: event.data.join("\n") };
      event = { data: [] };
    }
  }
}

// What waits for the reader. Events beyond its bound are lost, and counted in a gap at their place.
class MessageQueue {
  #messages = [];
  #wakers = [];
  #isLosing = false;
  constructor(bound = QUEUE_LENGTH) { this.bound = bound; }
  push(message) {
    // Until half of it is read: so one gap stands there, and not one between any two events.
    this.#isLosing = this.#messages.length >= (this.#isLosing ? this.bound / 2 : this.bound);
    const last = this.#messages.at(-1);
    if (!this.#isLosing || message.type !== "telemetry") this.#messages.push(message);
    else if (last.reason === "client") last.dropped += 1;
    else this.#messages.push({ type: "gap", reason: "client", dropped: 1 });
    this.#wake();
  }
  async shift() {
    while (this.isEmpty()) await this.#change();
    this.#wake();
    return this.#messages.shift();
  }
  room = async () => { while (this.#messages.length >= this.bound) await this.#change(); }; // for one more message
  isEmpty = () => this.#messages.length === 0;
  clear = () => this.#messages.splice(0);
  #change = () => new Promise((resolve) => this.#wakers.push(resolve));
  #wake = () => this.#wakers.splice(0).forEach((resolve) => resolve());
}

/** Read it with one `for await`; leaving that loop closes it. */
export class Stream {
  state = "connecting";
  #arrivedId; // of what came last, where the next connection goes on; `lastEventId`: of what was read last
  #confirmed; // the filters as the gateway has them
  #unanswered = []; // actions that it has yet to confirm, or to hear of
  #link; // the connection that there is: an AbortController
  #timer; // of the pause before a connection, or of the next token in one
  #failures = 0; // since the last stable connection
  #options; #queue; #retryMs; #error; #isTokenRefused = false;
  constructor(baseUrl, options = {}) {
    const { WebSocket = globalThis.WebSocket, transport = WebSocket ? "websocket" : "sse", lastEventId = "", signal } = options;
    if (!{ websocket: WebSocket, sse: true }[transport]) throw new TypeError(`No ${transport} here: take sse, or pass WebSocket`);
    const url = new URL(baseUrl, globalThis.location?.href);
    if (!/^(http|ws)s?:$/.test(url.protocol)) throw new TypeError(`${baseUrl} does not begin with https:// or http://`);
    const [isSse, canRenew] = [transport === "sse", typeof options.token === "function"];
    this.#options = { parse: JSON.parse, silenceMs: SILENCE_MS[transport], ...options, WebSocket, url, isSse, canRenew };
    this.#confirmed = actionsOn("subscribe", options).reduce(changed, { ...EVERYTHING, metrics: list(options.metrics) });
    queryOf(this.#confirmed); // throws if it can't be
    this.lastEventId = this.#arrivedId = lastEventId;
    this.#queue = new MessageQueue(options.queueLength);
    signal?.addEventListener("abort", this.close);
    this.#run();
    if (signal?.aborted) this.close();
  }
  get filters() { return this.#unanswered.reduce(changed, this.#confirmed); }
  subscribe = (added) => this.#act(...actionsOn("subscribe", added));
  unsubscribe = (gone) => this.#act(...actionsOn("unsubscribe", gone));
  setMetrics = (metrics) => this.#act({ action: "set_metrics", metrics: list(metrics) });
  clearFilters = () => this.#act({ action: "clear_filters" });
  close = () => this.#finish();

  async *[Symbol.asyncIterator]() {
    try {
      while (this.state !== "closed" || !this.#queue.isEmpty()) {
        const message = await this.#queue.shift();
        this.lastEventId = message.id ?? message.last_event_id ?? this.lastEventId;
        yield message;
      }
      if (this.#error) throw this.#error;
    } finally {
      this.close();
    }
  }

  #act(...actions) {
    const isSame = queryOf(actions.reduce(changed, this.filters)) === queryOf(this.filters); // throws if it can't be
    if (this.#options.isSse && isSame) return;
    this.#unanswered.push(...actions);
    if (this.#options.isSse) this.#link.abort(CHANGE);
    else if (this.state === "open") actions.forEach(this.#link.send);
  }
  #tell(state, details) {
    this.state = state;
    this.#queue.push({ type: "state", state, attempt: this.#failures, ...details });
  }
  #finish(error) {
    if (this.state === "closed") return;
    if (!error) this.#queue.clear();
    this.#error = error;
    this.#tell("closed", error && { code: error.code, reason: error.reason });
    this.#link.abort();
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.close);
  }

  async #run() {
    while (this.state !== "closed") {
      this.#tell("connecting");
      const error = await this.#connect();
      if (this.state === "closed") return;
      const retryInMs = error === CHANGE ? CHANGE_MS : this.#pauseAfter(error);
      if (retryInMs === undefined) return this.#finish(error);
      if (error !== CHANGE) this.#tell("waiting", { retryInMs, code: error.code, reason: error.reason });
      await new Promise((resolve) => (this.#timer = setTimeout(resolve, retryInMs)));
      await this.#queue.room(); // while nobody reads, nobody needs a connection
    }
  }

  // Nothing, if another try makes no sense.
  #pauseAfter({ code, retryable, retryAfterMs = 0 }) {
    if (Date.now() - this.#link.openedAt >= STABLE_MS) this.#failures = 0;
    const needsToken = [401, 4001].includes(code) && this.#options.canRenew && !this.#isTokenRefused;
    this.#isTokenRefused ||= needsToken; // if a fresh one is refused as well, all will be
    return retryable || needsToken ? retryAfterMs + backoff(++this.#failures, this.#retryMs) : undefined;
  }

  // One connection, from its token to its end. Returns why it ended.
  async #connect() {
    const link = (this.#link = Object.assign(new AbortController(), { heardAt: Date.now(), send() {} }));
    const aborted = new Promise((resolve) => link.signal.addEventListener("abort", () => resolve(link.signal.reason)));
    const watch = setInterval(() => {
      if (Date.now() - link.heardAt > this.#options.silenceMs) link.abort(new StreamError(0, "Nothing came for too long"));
    }, this.#options.silenceMs / 10);
    const why = await Promise.race([aborted, this.#converse(link)]).catch((thrown) => thrown);
    link.abort(); // closes what is still open
    clearInterval(watch);
    clearTimeout(this.#timer);
    return why instanceof StreamError ? why : new StreamError(0, why?.cause?.code ?? why?.message ?? `${why}`, { cause: why });
  }
  async #converse(link) {
    const { url, isSse } = this.#options;
    const token = await this.#token();
    link.signal.throwIfAborted();
    [this.#confirmed, this.#unanswered] = [this.filters, []]; // what was asked for until now stands in the request
    const origin = url.origin.replace(/^(http|ws)/, isSse ? "http" : "ws");
    const path = url.pathname.replace(/\/*$/, isSse ? `${PATH}/sse` : PATH);
    const address = `${origin}${path}${url.search || "?"}&${queryOf(this.#confirmed, this.#options, this.#arrivedId)}`;
    await (isSse ? this.#readEvents(link, address, token) : this.#openSocket(link, address, token));
  }
  async #token() {
    const { token, canRenew } = this.#options;
    const fresh = canRenew ? await token() : token;
    if (token === undefined || /^[\w.-]+$/.test(fresh)) return fresh; // where there is none, a cookie may do
    throw new StreamError(4001, "The token is empty, or holds what no JWT does");
  }

  // A browser can give a WebSocket no header, and addresses are logged: so the token goes as a subprotocol.
  #openSocket(link, address, token) {
    const socket = new this.#options.WebSocket(address, token ? ["floodway.v1", `bearer.${token}`] : []);
    link.send = (action) => socket.send(JSON.stringify(action));
    link.signal.addEventListener("abort", () => socket.close());
    return new Promise((_, reject) => {
      socket.onerror = ({ message }) => reject(new StreamError(1006, message || "Connection lost")); // Node 20 tells no close
      socket.onclose = ({ code, reason }) => reject(new StreamError(code, reason || "Connection lost"));
      socket.onmessage = ({ data }) => this.#receive(link, data).catch(reject);
    });
  }
  async #readEvents(link, address, token) {
    const headers = { accept: "text/event-stream", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(address, { headers, signal: link.signal, cache: "no-store" });
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const { detail = "No event stream" } = await response.json().catch(() => ({}));
      throw new StreamError(response.status, detail, { retryAfterMs: response.headers.get("retry-after") * 1000 || undefined });
    }
    for await (const { id, data, retryMs = this.#retryMs } of eventsIn(response.body)) {
      [this.#retryMs, link.heardAt] = [retryMs, Infinity]; // while nobody reads, the silence is ours
      await this.#queue.room();
      if (data) await this.#receive(link, data, id);
      link.heardAt = Date.now();
    }
    throw new StreamError(0, "The stream ended");
  }

  async #receive(link, text, id) {
    if (link.signal.aborted) return;
    link.heardAt = Date.now();
    const message = this.#options.parse(text);
    const { type } = message;
    if (type === "ping") return;
    if (type === "connected") this.#begin(link, message);
    else if (id) message.id = id;
    this.#arrivedId = message.id ?? message.last_event_id ?? this.#arrivedId;
    this.#queue.push(message);
    const action = ANSWERS.includes(type) ? this.#unanswered.shift() : undefined;
    if (action && type !== "error") this.#confirmed = changed(this.#confirmed, action);
    if (action?.action === "refresh") this.#renewBefore(link, message.expires_at ?? link.expiresAt);
    // Not at once: a callback that gives an old token again would be asked without end.
    if (type === "expiring" && this.#options.canRenew && Date.now() - link.openedAt >= STABLE_MS) this.#renew(link);
    if (type === "expired") link.abort(new StreamError(4001, message.detail));
    if (type === "reconnect") link.abort(new StreamError(1012, "Server draining", { retryAfterMs: message.after_ms }));
  }
  #begin(link, { tenant_id, filters, expires_at }) {
    filters.group_ids = without(filters.group_ids, [NO_GROUP]);
    [this.tenantId, this.#isTokenRefused, link.openedAt] = [tenant_id, false, Date.now()];
    this.#tell("open");
    this.#unanswered.forEach(link.send); // asked for while the connection was made
    this.#renewBefore(link, expires_at);
  }
  #renewBefore(link, expiresAt) {
    link.expiresAt = expiresAt;
    const left = Date.parse(expiresAt) - Date.now();
    if (!this.#options.canRenew || !(left > 0)) return; // clocks differ: the stream's end will tell
    const ms = left * (RENEW_AT.from + Math.random() * (RENEW_AT.to - RENEW_AT.from));
    this.#timer = setTimeout(() => this.#renew(link), Math.min(Math.max(ms, TIMER_MS.min), TIMER_MS.max));
  }
  async #renew(link) {
    if (this.#options.isSse) return link.abort(CHANGE); // the next request fetches it
    const token = await this.#token().catch(() => undefined);
    if (link.signal.aborted) return;
    if (token) this.#act({ action: "refresh", token });
    else this.#renewBefore(link, link.expiresAt); // there is time for another try
  }
}

/** Opens a stream of the gateway at this address. */
export const connect = (baseUrl, options) => new Stream(baseUrl, options);
export const internals = { backoff, changed, queryOf, eventsIn, MessageQueue }; // for tests
