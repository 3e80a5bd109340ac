// Live telemetry from a floodway gateway, over WebSocket or SSE, for browsers and Node 20 or newer.
//
// `connect` gives a Stream: an async iterable of the gateway's messages, which comes back by itself whenever its connection is
// lost, and goes on behind the last event that came. What the messages mean: docs/protocol.md of the gateway.

const PATH = "/api/v1/customer/telemetry/stream";
const BACKOFF_MS = { first: 1_000, max: 30_000 }; // the longest pause before a try: from the first on it doubles
const BUSY_MS = 2_000; // the shortest pause where a gateway is full and names no time
const STABLE_MS = 10_000; // a connection that lived so long ends a row of failed tries
const CONNECT_MS = 20_000; // until `connected`
const SILENCE_MS = { websocket: 65_000, sse: 35_000 }; // more than twice what a gateway lets pass without a sign
const CHANGE_MS = 50; // over SSE, filters that change within this time are one new request
const RENEWAL = { from: 0.6, to: 0.8, minMs: 1_000, maxMs: 2 ** 31 - 1 }; // parts of the life that a token has left; timers' bounds
const QUEUE_LENGTH = 10_000; // messages that wait for the reader
const QUERY_CHARS = 8_000; // what gateways and proxies surely take in a request's first line
const NAME = /^(?!\s)[^,\p{Cc}]+(?<!\s)$/u; // what a query can carry: any other name would not survive a reconnect
// An empty filter in a query means "everything", so a stream that gave up its last device asks for a group that nobody has.
const NO_GROUP = "floodway-client-nothing";

const RETRYABLE = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4008, 4029, 408, 425, 429, 500, 502, 503, 504];
const BUSY = [1013, 4029, 429, 503];
const TOKEN_REFUSED = [4001, 401];
const ANSWERS = ["subscribed", "unsubscribed", "metrics_updated", "filters_cleared", "refreshed", "error"];

/** Why a connection or the whole stream ended. `code`: a WebSocket's close code, an HTTP status, or 0 where neither came. */
export class StreamError extends Error {
  constructor(code, reason, { retryable = RETRYABLE.includes(code), retryAfterMs, cause } = {}) {
    super(code ? `${reason} (${code})` : reason, { cause });
    Object.assign(this, { name: "StreamError", code, reason, retryable, retryAfterMs });
  }

  /** What `fetch` and callbacks throw. Its cause has the system's word for it. */
  static of(thrown) {
    const reason = thrown?.cause?.code ?? thrown?.message ?? String(thrown);
    return thrown instanceof StreamError ? thrown : new StreamError(0, reason, { retryable: true, cause: thrown });
  }
}

// Ends a connection over SSE whose successor has other filters or another token.
const CHANGE = new StreamError(0, "The request changes", { retryable: true });

// Full jitter: clients that lost one gateway together come back spread over the whole time.
function backoff(attempt, first = BACKOFF_MS.first, random = Math.random) {
  return random() * Math.min(BACKOFF_MS.max, first * 2 ** (attempt - 1));
}

const list = (given) => [given ?? []].flat();
const union = (list, added = []) => [...new Set([...list, ...added])];
const without = (list, gone = []) => list.filter((name) => !gone.includes(name));
const wantsNothing = ({ devices, groups, allDevices }) => !allDevices && devices.length + groups.length === 0;

// The filters after an action of the protocol, as the gateway reckons them: who has everything and unsubscribes keeps
// everything, and who unsubscribes from the last one has nothing.
function changed(filters, { action, device_ids, group_ids, metrics }) {
  if (action === "clear_filters") return { devices: [], groups: [], metrics: [], allDevices: true };
  if (action === "set_metrics") return { ...filters, metrics: union(metrics) };
  const change = { subscribe: union, unsubscribe: without }[action];
  if (!change) return filters;
  const [devices, groups] = [change(filters.devices, device_ids), change(filters.groups, group_ids)];
  return { ...filters, devices, groups, allDevices: filters.allDevices && action !== "subscribe" };
}

function queryOf(filters) {
  const groups = wantsNothing(filters) ? [NO_GROUP] : filters.groups;
  const lists = Object.entries({ device_id: filters.devices, group_id: groups, metric: filters.metrics });
  const wrong = lists.flatMap(([, list]) => list).find((name) => typeof name !== "string" || !NAME.test(name));
  if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} can't be asked for: a comma, a space around it, or no text`);
  const given = lists.filter(([, list]) => list.length > 0);
  const query = given.map(([key, list]) => `${key}=${list.map(encodeURIComponent)}`).join("&");
  if (query.length > QUERY_CHARS) throw new RangeError(`Filters are longer than ${QUERY_CHARS} characters: use groups`);
  return query;
}

// Server-sent events out of chunks of bytes that end anywhere.
class SseParser {
  retryMs;
  #decoder = new TextDecoder();
  #endedInCr = false;
  #line = "";
  #event = { data: [] };

  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    if (this.#endedInCr && text[0] === "\n") text = text.slice(1); // CR LF is one line end, also across chunks
    this.#endedInCr = text.endsWith("\r");
    const lines = (this.#line + text).split(/\r\n|\r|\n/);
    this.#line = lines.pop();
    return lines.map((line) => this.#take(line)).filter(Boolean);
  }

  // Returns an event at the empty line that ends it.
  #take(line) {
    const event = this.#event;
    if (line === "") this.#event = { data: [] };
    if (line === "") return event.data.length > 0 && { id: event.id, data: event.data.join("\n") };
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "data") event.data.push(value);
    if (field === "id" && !value.includes("\0")) event.id = value;
    if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}

// What waits for the reader. Events beyond its bound are lost, and counted in a gap at their place.
class MessageQueue {
  #messages = [];
  #wakers = [];
  #isLosing = false;
  #end;

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

  async next() {
    while (this.#messages.length === 0 && !this.#end) await this.#change();
    const value = this.#messages.shift();
    this.#wake();
    const error = !value && this.#end.error;
    if (!error) return { value, done: !value };
    this.#end = {}; // it is thrown once
    throw error;
  }

  // Resolves when one more message may come.
  async room() {
    while (this.#messages.length >= this.bound && !this.#end) await this.#change();
  }

  // Without an error what waits is dropped, but for the last word.
  end(error) {
    if (!error) this.#messages.splice(0, this.#messages.length - 1);
    this.#end ??= { error };
    this.#wake();
  }

  #change = () => new Promise((resolve) => this.#wakers.push(resolve));
  #wake = () => this.#wakers.splice(0).forEach((resolve) => resolve());
}

export class Stream {
  state = "connecting";
  tenantId;
  lastEventId; // of what was read
  #arrivedId; // of what came: where the next connection goes on
  #options;
  #queue;
  #confirmed; // the filters as the gateway has them
  #unanswered = []; // actions that it has yet to confirm
  #link; // an AbortController for the connection that there is
  #send; // over a WebSocket that is open
  #nextToken;
  #timer; // of the pause before a connection, or of the next token in one
  #heardAt;
  #openedAt;
  #expiresAt;
  #retryMs;
  #failures = 0; // since the last stable connection
  #isTokenRefused = false;

  constructor(baseUrl, { WebSocket = globalThis.WebSocket, devices, groups, metrics, ...options } = {}) {
    const { transport = WebSocket ? "websocket" : "sse", lastEventId = "", signal } = options;
    if (!{ websocket: WebSocket, sse: true }[transport]) throw new TypeError(`No ${transport} here: take sse, or pass a WebSocket`);
    const url = new URL(baseUrl, globalThis.location?.href);
    this.#options = { parse: JSON.parse, silenceMs: SILENCE_MS[transport], ...options, WebSocket, transport, url };
    this.#confirmed = { devices: list(devices), groups: list(groups), metrics: list(metrics), allDevices: false };
    this.#confirmed.allDevices = wantsNothing(this.#confirmed); // to name none at the start is to name no filter
    queryOf(this.#confirmed); // throws if it can't be
    this.lastEventId = this.#arrivedId = lastEventId;
    this.#queue = new MessageQueue(options.queueLength);
    signal?.addEventListener("abort", this.close);
    if (signal?.aborted) this.close();
    else this.#run();
  }

  get filters() {
    return this.#unanswered.reduce(changed, this.#confirmed);
  }

  subscribe = (added) => this.#actOn("subscribe", added);
  unsubscribe = (gone) => this.#actOn("unsubscribe", gone);
  setMetrics = (metrics) => this.#act({ action: "set_metrics", metrics: list(metrics) });
  clearFilters = () => this.#act({ action: "clear_filters" });
  close = () => this.#finish();
  [Symbol.asyncIterator] = () => this;

  async next() {
    const result = await this.#queue.next();
    this.lastEventId = result.value?.id ?? result.value?.last_event_id ?? this.lastEventId;
    return result;
  }

  // Called where a loop over the stream is left.
  async return() {
    this.close();
    return { value: undefined, done: true };
  }

  // A message for each list, so that each has one answer.
  #actOn(action, { devices, groups, snapshot }) {
    if (list(devices).length > 0) this.#act({ action, device_ids: list(devices), snapshot });
    if (list(groups).length > 0) this.#act({ action, group_ids: list(groups), snapshot });
  }

  #act(action) {
    const after = changed(this.filters, action);
    const isChange = queryOf(after) !== queryOf(this.filters); // throws if it can't be
    if (this.#options.transport === "websocket") {
      this.#unanswered.push(action);
      this.#send?.(action);
    } else {
      this.#confirmed = after;
      if (isChange && this.state !== "waiting") this.#link.abort(CHANGE);
    }
  }

  #tell(state, details) {
    this.state = state;
    this.#queue.push({ type: "state", state, attempt: this.#failures, ...details });
  }

  #finish(error) {
    if (this.state === "closed") return;
    this.#tell("closed", error && { code: error.code, reason: error.reason });
    this.#queue.end(error);
    this.#link?.abort();
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
  #pauseAfter({ code, retryable, retryAfterMs }) {
    if (Date.now() - this.#openedAt >= STABLE_MS) this.#failures = 0;
    // Once: if a fresh token is refused as well, all will be.
    const needsToken = TOKEN_REFUSED.includes(code) && typeof this.#options.token === "function" && !this.#isTokenRefused;
    this.#isTokenRefused ||= needsToken;
    if (!retryable && !needsToken) return undefined;
    return (retryAfterMs ?? (BUSY.includes(code) ? BUSY_MS : 0)) + backoff(++this.#failures, this.#retryMs);
  }

  // One connection, from its token to its end. Returns why it ended.
  async #connect() {
    const { transport, silenceMs } = this.#options;
    const link = (this.#link = new AbortController());
    const aborted = new Promise((_, reject) => link.signal.addEventListener("abort", () => reject(link.signal.reason)));
    const watch = setInterval(() => this.#watch(link), Math.min(silenceMs, CONNECT_MS) / 4);
    [this.#heardAt, this.#openedAt] = [Date.now(), undefined];
    const converse = async () => {
      const token = this.#nextToken ?? (await this.#token());
      link.signal.throwIfAborted();
      // This request holds what was asked for until now.
      [this.#confirmed, this.#unanswered, this.#nextToken] = [this.filters, [], undefined];
      await (transport === "sse" ? this.#readEvents(token, link.signal) : this.#openSocket(token, link.signal));
    };
    try {
      return await Promise.race([aborted, converse()]);
    } catch (thrown) {
      return StreamError.of(thrown);
    } finally {
      link.abort(); // closes what is still open
      clearInterval(watch);
      clearTimeout(this.#timer);
      this.#send = undefined;
    }
  }

  #watch(link) {
    const limit = this.state === "open" ? this.#options.silenceMs : CONNECT_MS;
    const isSilent = Date.now() - this.#heardAt > limit;
    if (isSilent) link.abort(new StreamError(0, `Nothing came for ${limit} ms`, { retryable: true }));
  }

  async #token() {
    const { token } = this.#options;
    const fresh = typeof token === "function" ? await token() : token;
    if (token === undefined || /^[\w.-]+$/.test(fresh)) return fresh; // where there is none, a cookie may do
    throw new StreamError(4001, "The token is empty, or holds what no JWT does");
  }

  #address() {
    const { url, transport, tenant, snapshot, overflow, maxRate } = this.#options;
    const address = new URL(url);
    const [scheme, path] = transport === "sse" ? ["http", `${PATH}/sse`] : ["ws", PATH];
    address.protocol = ["https:", "wss:"].includes(url.protocol) ? `${scheme}s:` : `${scheme}:`;
    address.pathname = url.pathname.replace(/\/*$/, path);
    address.hash = "";
    // Who wants nothing misses nothing while away. An empty id makes a WebSocket's events carry theirs.
    const last_event_id = wantsNothing(this.#confirmed) ? "" : this.#arrivedId;
    const options = Object.entries({ tenant, snapshot, overflow, max_rate: maxRate, last_event_id });
    const given = new URLSearchParams(options.filter(([, value]) => value !== undefined));
    address.search = [url.search.slice(1), queryOf(this.#confirmed), `${given}`].filter(Boolean).join("&");
    return address.href;
  }

  // A browser can give a WebSocket no header, and addresses are logged: so the token goes as a subprotocol.
  #openSocket(token, signal) {
    const { WebSocket, parse } = this.#options;
    const socket = new WebSocket(this.#address(), token ? ["floodway.v1", `bearer.${token}`] : []);
    signal.addEventListener("abort", () => socket.close());
    return new Promise((_, reject) => {
      let failure;
      socket.onerror = (event) => (failure = event.message);
      socket.onclose = ({ code, reason }) => reject(new StreamError(code, reason || failure || "Connection lost"));
      socket.onmessage = ({ data }) => {
        try {
          this.#receive(parse(data), signal, (action) => socket.send(JSON.stringify(action)));
        } catch (thrown) {
          reject(thrown);
        }
      };
    });
  }

  async #readEvents(token, signal) {
    const headers = { accept: "text/event-stream", ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(this.#address(), { headers, signal, cache: "no-store" });
    if (!response.ok) {
      const { detail = response.statusText } = await response.json().catch(() => ({}));
      const retryAfterMs = Number(response.headers.get("retry-after")) * 1000 || undefined;
      throw new StreamError(response.status, detail, { retryAfterMs });
    }
    const [reader, parser] = [response.body.getReader(), new SseParser()];
    for (;;) {
      this.#heardAt = Date.now();
      const { done, value } = await reader.read();
      if (done) throw new StreamError(0, "The stream ended", { retryable: true });
      this.#heardAt = Infinity; // while nobody reads, the silence is ours
      for (const { id, data } of parser.push(value)) {
        await this.#queue.room();
        this.#receive({ ...this.#options.parse(data), ...(id && { id }) }, signal);
      }
      this.#retryMs = parser.retryMs;
    }
  }

  #receive(message, signal, send) {
    const { type } = message;
    if (signal.aborted) return;
    this.#heardAt = Date.now();
    if (type === "ping") return;
    if (type === "connected") this.#begin(message, send);
    this.#arrivedId = message.id ?? message.last_event_id ?? this.#arrivedId;
    this.#queue.push(message);
    if (ANSWERS.includes(type)) this.#settle(message, this.#unanswered.shift());
    if (type === "expiring") this.#renew(this.#link);
    if (type === "expired") this.#link.abort(new StreamError(4001, message.detail));
    if (type === "reconnect") this.#link.abort(new StreamError(1012, "Server draining", { retryAfterMs: message.after_ms }));
  }

  #begin(connected, send) {
    this.tenantId = connected.tenant_id;
    connected.filters.group_ids = without(connected.filters.group_ids, [NO_GROUP]);
    [this.#openedAt, this.#isTokenRefused, this.#send] = [Date.now(), false, send];
    this.#tell("open");
    this.#unanswered.forEach((action) => send(action)); // asked for while the connection was made
    this.#renewBefore(connected.expires_at);
  }

  #settle({ type, expires_at = this.#expiresAt }, action) {
    if (type !== "error") this.#confirmed = changed(this.#confirmed, action);
    if (action.action === "refresh") this.#renewBefore(expires_at);
  }

  #renewBefore(expiresAt) {
    const left = Date.parse(expiresAt) - Date.now();
    // Where the clocks differ so much, the end of the stream will tell.
    if (typeof this.#options.token !== "function" || !(left > 0)) return;
    const ms = left * (RENEWAL.from + Math.random() * (RENEWAL.to - RENEWAL.from));
    this.#expiresAt = expiresAt;
    this.#timer = setTimeout(() => this.#renew(this.#link), Math.min(Math.max(ms, RENEWAL.minMs), RENEWAL.maxMs));
  }

  async #renew(link) {
    const token = await this.#token().catch(() => undefined);
    if (link.signal.aborted) return;
    if (!token) return this.#renewBefore(this.#expiresAt); // there is time for another try
    if (this.#send) return this.#act({ action: "refresh", token });
    this.#nextToken = token;
    link.abort(CHANGE);
  }
}

/** Opens a stream of the gateway at this address. */
export const connect = (baseUrl, options) => new Stream(baseUrl, options);

/** For tests. */
export const internals = { backoff, changed, queryOf, SseParser, MessageQueue };
