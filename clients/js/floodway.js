// Live telemetry from a floodway gateway, over WebSocket or SSE, for browsers and Node 20 or newer. `connect` gives a Stream, an
// async iterable of the gateway's messages, which comes back by itself whenever its connection is lost, and goes on behind the
// last event that came. What the messages mean: docs/protocol.md of the gateway.

const PATH = "/api/v1/customer/telemetry/stream";
const BACKOFF_MS = { first: 1_000, max: 30_000 }; // the longest pause before a try: from the first on it doubles
const BUSY_MS = { 1013: 2_000, 4029: 2_000, 429: 2_000, 503: 2_000 }; // the shortest, if a gateway that is full names none
const STABLE_MS = 10_000; // a connection that lived so long ends a row of failed tries
const CONNECT_MS = 20_000; // until `connected`
const SILENCE_MS = { websocket: 65_000, sse: 35_000 }; // more than twice what a gateway lets pass without a sign
const CHANGE_MS = 50; // over SSE, filters that change within this time are one new request
const RENEW_AT = { from: 0.6, to: 0.8 }; // the parts of a token's remaining life between which the next one is fetched
const TIMER_MAX_MS = 2 ** 31 - 1; // a longer one would fire at once
const QUEUE_LENGTH = 10_000; // messages that wait for the reader
const QUERY_CHARS = 8_000; // what gateways and proxies surely take in a request's first line
const NAME = /^(?!\s)[^,\p{Cc}]+(?<!\s)$/u; // what a query can carry: any other name would not survive a reconnect
// An empty filter in a query means "everything", so a stream that gave up its last device asks for a group that nobody has.
const NO_GROUP = "floodway-client-nothing";
const EVERYTHING = { devices: [], groups: [], metrics: [], allDevices: true };
const ANSWERS = ["subscribed", "unsubscribed", "metrics_updated", "filters_cleared", "refreshed", "error"];
const RETRYABLE = [0, 1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4008, 4029, 408, 425, 429, 500, 502, 503, 504];
const TOKEN_REFUSED = [4001, 401];

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
  random() * Math.min(BACKOFF_MS.max, first * 2 ** (failures - 1));

const list = (given) => [given ?? []].flat();
const union = (names, added = []) => [...new Set([...names, ...added])];
const without = (names, gone = []) => names.filter((name) => !gone.includes(name));
const wantsNothing = ({ devices, groups, allDevices }) => !allDevices && devices.length + groups.length === 0;

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
  const change = { subscribe: union, unsubscribe: without }[action] ?? ((names) => names);
  const allDevices = filters.allDevices && action !== "subscribe";
  return { ...filters, devices: change(filters.devices, device_ids), groups: change(filters.groups, group_ids), allDevices };
}

function queryOf({ devices, metrics, ...filters }) {
  const groups = wantsNothing({ devices, ...filters }) ? [NO_GROUP] : filters.groups;
  const wrong = [devices, groups, metrics].flat().find((name) => !NAME.test(name));
  if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} can't be asked for: empty, a comma, or space around it`);
  const lists = Object.entries({ device_id: devices, group_id: groups, metric: metrics }).filter(([, names]) => names.length > 0);
  const query = lists.map(([key, names]) => `${key}=${names.map(encodeURIComponent)}`).join("&");
  if (query.length > QUERY_CHARS) throw new RangeError(`Filters are longer than ${QUERY_CHARS} characters: use groups`);
  return query;
}

// Server-sent events out of chunks of bytes that end anywhere.
class SseParser {
  retryMs;
  #decoder = new TextDecoder();
  #rest = "";
  #event = { data: [] };

  push(bytes) {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const lines = text.split(/\r\n|\n|\r(?!$)/); // a CR at the end may be half of a line end
    this.#rest = lines.pop();
    return lines.map((line) => this.#take(line)).filter(Boolean);
  }

  // Returns an event at the empty line that ends it.
  #take(line) {
    const { id, data } = this.#event;
    if (line === "") this.#event = { data: [] };
    if (line === "") return data.length > 0 && { id, data: data.join("\n") };
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "data") data.push(value);
    if (field === "id" && !value.includes("\0")) this.#event.id = value;
    if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}

// What waits for the reader. Events beyond its bound are lost, and counted in a gap at their place.
class MessageQueue {
  #messages = [];
  #wakers = [];
  #isLosing = false;
  constructor(bound = QUEUE_LENGTH) {
    this.bound = bound;
  }

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
  // Resolves when one more message may come.
  async room() {
    while (this.#messages.length >= this.bound) await this.#change();
  }
  isEmpty = () => this.#messages.length === 0;
  clear = () => this.#messages.splice(0);
  #change = () => new Promise((resolve) => this.#wakers.push(resolve));
  #wake = () => this.#wakers.splice(0).forEach((resolve) => resolve());
}

/** Read it with one `for await`; leaving that loop closes it. */
export class Stream {
  state = "connecting";
  tenantId;
  lastEventId; // of what was read
  #arrivedId; // of what came: where the next connection goes on
  #options;
  #queue;
  #confirmed; // the filters as the gateway has them
  #unanswered = []; // actions that it has yet to confirm, or to hear of
  #link; // the connection that there is: an AbortController
  #timer; // of the pause before a connection, or of the next token in one
  #retryMs;
  #failures = 0; // since the last stable connection
  #isTokenRefused = false;
  #error;

  constructor(baseUrl, options = {}) {
    const { WebSocket = globalThis.WebSocket, transport = WebSocket ? "websocket" : "sse", lastEventId = "", signal } = options;
    if (!{ websocket: WebSocket, sse: true }[transport]) throw new TypeError(`No ${transport} here: take sse, or pass a WebSocket`);
    const fixed = { WebSocket, isSse: transport === "sse", url: new URL(baseUrl, globalThis.location?.href) };
    this.#options = { parse: JSON.parse, silenceMs: SILENCE_MS[transport], ...options, ...fixed };
    const asked = [...actionsOn("subscribe", options), { action: "set_metrics", metrics: list(options.metrics) }];
    this.#confirmed = asked.reduce(changed, EVERYTHING);
    queryOf(this.#confirmed); // throws if it can't be
    this.lastEventId = this.#arrivedId = lastEventId;
    this.#queue = new MessageQueue(options.queueLength);
    signal?.addEventListener("abort", this.close);
    this.#run();
    if (signal?.aborted) this.close();
  }

  get filters() {
    return this.#unanswered.reduce(changed, this.#confirmed);
  }
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
    else actions.forEach((action) => this.#link.send?.(action));
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
    // Once: if a fresh token is refused as well, all will be.
    const needsToken = TOKEN_REFUSED.includes(code) && typeof this.#options.token === "function" && !this.#isTokenRefused;
    this.#isTokenRefused ||= needsToken;
    return retryable || needsToken ? Math.round(retryAfterMs + backoff(++this.#failures, this.#retryMs)) : undefined;
  }

  // One connection, from its token to its end. Returns why it ended.
  async #connect() {
    const link = (this.#link = Object.assign(new AbortController(), { heardAt: Date.now() }));
    const aborted = new Promise((_, reject) => link.signal.addEventListener("abort", () => reject(link.signal.reason)));
    const watch = setInterval(() => {
      const limit = link.openedAt ? this.#options.silenceMs : CONNECT_MS;
      if (Date.now() - link.heardAt > limit) link.abort(new StreamError(0, `Nothing came for ${limit} ms`));
    }, CONNECT_MS / 10);
    try {
      return await Promise.race([aborted, this.#options.isSse ? this.#readEvents(link) : this.#openSocket(link)]);
    } catch (thrown) {
      if (thrown instanceof StreamError) return thrown;
      return new StreamError(0, thrown?.cause?.code ?? thrown?.message ?? String(thrown), { cause: thrown });
    } finally {
      link.abort(); // closes what is still open
      clearInterval(watch);
      clearTimeout(this.#timer);
    }
  }

  // The token and the address of a connection, which holds all that was asked for until now.
  async #request({ signal }) {
    const { url, isSse, tenant, snapshot, overflow, maxRate: max_rate } = this.#options;
    const token = await this.#token();
    signal.throwIfAborted();
    [this.#confirmed, this.#unanswered] = [this.filters, []];
    // Who wants nothing misses nothing while away. An empty id makes a WebSocket's events carry theirs.
    const last_event_id = wantsNothing(this.#confirmed) ? "" : this.#arrivedId;
    const options = Object.entries({ tenant, snapshot, overflow, max_rate, last_event_id });
    const given = new URLSearchParams(options.filter(([, value]) => value !== undefined));
    const origin = url.origin.replace(/^(http|ws)/, isSse ? "http" : "ws");
    const path = url.pathname.replace(/\/*$/, isSse ? `${PATH}/sse` : PATH);
    const query = [url.search.slice(1), queryOf(this.#confirmed), given].filter(String).join("&");
    return { token, address: `${origin}${path}?${query}` };
  }

  async #token() {
    const { token } = this.#options;
    const fresh = typeof token === "function" ? await token() : token;
    if (token === undefined || /^[\w.-]+$/.test(fresh)) return fresh; // where there is none, a cookie may do
    throw new StreamError(4001, "The token is empty, or holds what no JWT does");
  }

  // A browser can give a WebSocket no header, and addresses are logged: so the token goes as a subprotocol.
  async #openSocket(link) {
    const { token, address } = await this.#request(link);
    const socket = new this.#options.WebSocket(address, token ? ["floodway.v1", `bearer.${token}`] : []);
    const send = (action) => socket.send(JSON.stringify(action));
    link.signal.addEventListener("abort", () => socket.close());
    await new Promise((_, reject) => {
      socket.onerror = ({ message }) => (link.failure = message);
      socket.onclose = ({ code, reason }) => reject(new StreamError(code, reason || link.failure || "Connection lost"));
      socket.onmessage = ({ data }) => this.#receive(link, data, { send }).catch(reject);
    });
  }

  async #readEvents(link) {
    const { token, address } = await this.#request(link);
    const headers = { accept: "text/event-stream", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(address, { headers, signal: link.signal, cache: "no-store" });
    if (!response.ok) {
      const { detail = response.statusText } = await response.json().catch(() => ({}));
      throw new StreamError(response.status, detail, { retryAfterMs: response.headers.get("retry-after") * 1000 || undefined });
    }
    const [reader, parser] = [response.body.getReader(), new SseParser()];
    for (let chunk; !(chunk = await reader.read()).done; link.heardAt = Date.now()) {
      for (const { id, data } of parser.push(chunk.value)) {
        link.heardAt = Infinity; // while nobody reads, the silence is ours
        await this.#queue.room();
        await this.#receive(link, data, { id });
      }
      this.#retryMs = parser.retryMs;
    }
    throw new StreamError(0, "The stream ended");
  }

  async #receive(link, text, { id, send }) {
    if (link.signal.aborted) return;
    link.heardAt = Date.now();
    const message = this.#options.parse(text);
    const { type } = message;
    if (type === "ping") return;
    if (type === "connected") this.#begin(link, message, send);
    else if (id) message.id = id;
    this.#arrivedId = message.id ?? message.last_event_id ?? this.#arrivedId;
    this.#queue.push(message);
    const action = ANSWERS.includes(type) ? this.#unanswered.shift() : undefined;
    if (action && type !== "error") this.#confirmed = changed(this.#confirmed, action);
    if (action?.action === "refresh") this.#renewBefore(link, message.expires_at ?? link.expiresAt);
    if (type === "expiring") this.#renew(link);
    if (type === "expired") link.abort(new StreamError(4001, message.detail));
    if (type === "reconnect") link.abort(new StreamError(1012, "Server draining", { retryAfterMs: message.after_ms }));
  }

  #begin(link, { tenant_id, filters, expires_at }, send) {
    filters.group_ids = without(filters.group_ids, [NO_GROUP]);
    [this.tenantId, this.#isTokenRefused] = [tenant_id, false];
    Object.assign(link, { openedAt: Date.now(), send });
    this.#tell("open");
    this.#unanswered.forEach((action) => send(action)); // asked for while the connection was made
    this.#renewBefore(link, expires_at);
  }

  #renewBefore(link, expiresAt) {
    link.expiresAt = expiresAt;
    const left = Date.parse(expiresAt) - Date.now();
    if (typeof this.#options.token !== "function" || !(left > 0)) return; // clocks differ: the stream's end will tell
    const ms = left * (RENEW_AT.from + Math.random() * (RENEW_AT.to - RENEW_AT.from));
    this.#timer = setTimeout(() => this.#renew(link), Math.min(ms, TIMER_MAX_MS));
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
/** For tests. */
export const internals = { backoff, changed, queryOf, SseParser, MessageQueue };
