/** Which devices' events a stream gets. Of neither: see `connect` and `Stream.unsubscribe`. */
export interface Names {
  devices?: string | readonly string[];
  /** Named sets of devices, which an operator keeps; a stream follows their changes. */
  groups?: string | readonly string[];
}

/** What a stream asks for. No devices and no groups: every device of the tenant. No metrics: all. */
export interface Options extends Names {
  metrics?: string | readonly string[];
  /**
   * A JWT, or a function that gets one. The function is asked for each connection, and again well before the token expires.
   * What it throws counts as a failed try; a `StreamError` that is not retryable ends the stream. Without a token the browser's
   * cookies may do.
   */
  token?: string | (() => string | Promise<string>);
  /** Default: `websocket` where there is a WebSocket, else `sse`. */
  transport?: "websocket" | "sse";
  /** A WebSocket class, such as that of the package `ws`, for Node without its own. */
  WebSocket?: unknown;
  /** Whether the stream begins with the last event of each device. */
  snapshot?: boolean;
  /** At most so many events a second of each device. */
  maxRate?: number;
  /** What the gateway does when this stream lags. */
  overflow?: "drop_newest" | "drop_oldest" | "latest" | "disconnect" | "catch_up";
  /** One of the tenants that the token names. */
  tenant?: string;
  /** Where to go on: `Stream.lastEventId` of an earlier stream. */
  lastEventId?: string;
  /** Closes the stream, as `close` does. */
  signal?: AbortSignal;
  /** Messages that may wait for the reader, 10,000 unless said. */
  queueLength?: number;
  /** After so much silence a connection counts as dead: 65,000 over WebSocket, 35,000 over SSE unless said. */
  silenceMs?: number;
  /** Reads the text of a message, instead of `JSON.parse`, such as to keep numbers that no double holds. */
  parse?: (text: string) => Message;
}

/** The filters as the gateway has them, with the changes that it has yet to answer. */
export interface Filters {
  devices: readonly string[];
  groups: readonly string[];
  metrics: readonly string[];
  /** Every device. If this is false and nothing is named, nothing comes. */
  allDevices: boolean;
}

export type State = "connecting" | "open" | "waiting" | "closed";

/** The stream's own: what becomes of its connection. */
export interface StateMessage {
  type: "state";
  state: State;
  /** Connections that failed since the last one that was stable. */
  attempt: number;
  /** Of `waiting`: the pause before the next try. */
  retryInMs?: number;
  /** Of `waiting`, and of `closed` where an error ended the stream: as in `StreamError`. */
  code?: number;
  reason?: string;
}

/** First on each connection: whatever is published from now on comes. */
export interface Connected {
  type: "connected";
  tenant_id: string;
  filters: { device_ids: string[]; group_ids: string[]; metric_names: string[]; all_devices: boolean };
  expires_at: string;
  options?: { overflow?: string; max_rate?: number; snapshot?: boolean };
  last_event_id: string;
}

export interface Telemetry {
  type: "telemetry";
  device_id: string;
  tenant_id: string;
  /** Whatever JSON the device sent. */
  metrics: Record<string, unknown>;
  timestamp: unknown;
  topic: string;
  /** Text, since it is larger than a double can hold. Events of a snapshot have none. */
  id?: string;
  snapshot?: true;
}

/** Events are missing here. `client`: the reader was too slow for what came over its WebSocket. */
export interface Gap {
  type: "gap";
  reason: "overflow" | "conflated" | "replay" | "upstream" | "client";
  /** `null`: nobody knows how many. */
  dropped: number | null;
}

/** The source of the events was lost, or is back. */
export interface Upstream {
  type: "upstream";
  state: "up" | "down" | "refused";
  since: string;
}

/** The gateway drains. The stream comes back after that time by itself. */
export interface Reconnect {
  type: "reconnect";
  after_ms: number;
}

/** Over SSE: the token has expired, or will soon. The stream comes back with another one by itself. */
export interface Expiry {
  type: "expired" | "expiring";
  detail?: string;
}

/** Over WebSocket: from here on a change of filters holds, or the next token. */
export type Answer =
  | {
      type: "subscribed" | "unsubscribed";
      device_ids?: string[];
      group_ids?: string[];
    }
  | { type: "metrics_updated"; metrics: string[] }
  | { type: "filters_cleared" }
  | { type: "refreshed"; expires_at: string }
  /** The gateway did not make a change. `Stream.filters` are as before. */
  | { type: "error"; message: string };

export type Message = StateMessage | Connected | Telemetry | Gap | Upstream | Reconnect | Expiry | Answer;

/** Why a connection or the whole stream ended. */
export class StreamError extends Error {
  constructor(code: number, reason: string, options?: { retryable?: boolean; retryAfterMs?: number; cause?: unknown });
  /** The close code of a WebSocket, an HTTP status, or 0 where neither came. */
  readonly code: number;
  readonly reason: string;
  /** Whether the same may go better later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/** Read it with one `for await`. Leaving that loop closes it. What ends it for good is thrown there, as a `StreamError`. */
export class Stream implements AsyncIterable<Message> {
  readonly state: State;
  /** From the first `connected` on. */
  readonly tenantId?: string;
  /** Of what was read last; empty before that. */
  readonly lastEventId: string;
  readonly filters: Filters;
  /**
   * Adds to the filters. A stream that had every device has just these from now on. With `snapshot` the last events of what is
   * added follow; over WebSocket only.
   */
  subscribe(added: Names & { snapshot?: boolean }): void;
  /** Takes out of the filters. If nothing is left, nothing comes. */
  unsubscribe(gone: Names): void;
  /** Narrows events to these metrics; to none means to all. */
  setMetrics(metrics: string | readonly string[]): void;
  /** Back to every device and every metric. */
  clearFilters(): void;
  /** Ends the stream, and the loop that reads it. What was not read yet is dropped. */
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<Message, void, void>;
}

/**
 * Opens a stream. `baseUrl` is where the gateway is, `https://host` or `wss://host`, with a path if a proxy adds one; a page may
 * give a relative one. Its own parameters are sent along.
 */
export function connect(baseUrl: string | URL, options?: Options): Stream;
