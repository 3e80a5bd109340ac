// What the gateway's words mean, in words for people. A word that is not here is shown as it is.

const ENDS = {
  closed: "closed by the client",
  gone: "client gone: reset, or no answer",
  expired: "token expired",
  forbidden: "refreshed with a token of another tenant",
  bad_token: "token not accepted",
  slow_consumer: "lagged too far",
  administrator: "ended by an administrator",
  draining: "the gateway drains",
  violation: "client broke the protocol",
  no_token: "no token",
  no_tenant: "no tenant in the token",
  role: "none of the roles",
  query: "bad query",
  tenant_limit: "tenant's limit of streams",
  gateway_limit: "gateway's limit of streams",
  no_broker: "no source connected",
  no_keys: "keys for tokens not there yet",
  broker_refused: "source refuses the tenant",
  origin: "page of a foreign origin",
  handshake: "no WebSocket handshake",
  malformed: "request can't be read",
  head_too_large: "request head too large",
};

const REJECTIONS = {
  topic: "topic of another shape",
  not_json: "not JSON",
  not_an_object: "not a JSON object",
  metrics_not_an_object: "metrics not an object",
  too_large: "payload too large",
  too_large_packet: "MQTT packet too large",
  too_deep: "nested too deep",
  too_many_metrics: "too many metrics",
  too_many_samples: "too many samples",
  duplicate: "sent again by the source",
  retained: "retained: for snapshots only",
  no_message: "no message of a device",
};

const STAGES = {
  UPSTREAM: "Source",
  TOPIC: "Topic",
  PAYLOAD: "Payload",
  TENANT: "Tenant",
  DEVICE: "Device",
  METRICS: "Metrics",
  QUEUE: "Queue",
};

const POLICIES = {
  DROP_NEWEST: "drop newest",
  DROP_OLDEST: "drop oldest",
  LATEST: "keep the latest",
  DISCONNECT: "disconnect",
  CATCH_UP: "catch up",
};

const TRANSPORTS = { WEBSOCKET: "WebSocket", SSE: "SSE" };

const GAPS = {
  OVERFLOW: "this reader was too slow",
  UPSTREAM: "the source was away",
  CONFLATED: "this reader was too slow and got the last event of each device",
};

function plain(word) {
  return word.replaceAll("_", " ").toLowerCase();
}

// A word of an enumeration without what all its words begin with.
function bare(word, prefix) {
  return (word ?? "").replace(prefix, "");
}

export const endOf = (label) => ENDS[label] ?? plain(label);
export const rejectionOf = (label) => REJECTIONS[label] ?? plain(label);
export const stageOf = (word) => STAGES[bare(word, "DELIVERY_STAGE_")] ?? plain(bare(word, "DELIVERY_STAGE_"));
export const policyOf = (word) => POLICIES[bare(word, "OVERFLOW_POLICY_")] ?? plain(bare(word, "OVERFLOW_POLICY_"));
export const transportOf = (word) => TRANSPORTS[bare(word, "TRANSPORT_")] ?? plain(bare(word, "TRANSPORT_"));
export const gapOf = (word) => GAPS[bare(word, "GAP_REASON_")] ?? plain(bare(word, "GAP_REASON_"));

// The policies as the API has them, with their words.
export const POLICY_CHOICES = Object.keys(POLICIES).map((word) => [`OVERFLOW_POLICY_${word}`, POLICIES[word]]);

// What a stream wants, in a sentence.
export function wanted(filters = {}) {
  const [devices, groups, metrics] = [filters.deviceIds ?? [], filters.groupIds ?? [], filters.metricNames ?? []];
  const parts = [];
  if (filters.allDevices) parts.push("all devices");
  if (devices.length > 0) parts.push(`${devices.length === 1 ? "device" : "devices"} ${few(devices)}`);
  if (groups.length > 0) parts.push(`${groups.length === 1 ? "group" : "groups"} ${few(groups)}`);
  if (parts.length === 0) parts.push("nothing");
  return parts.join(" and ") + (metrics.length > 0 ? `; metrics ${few(metrics)}` : "");
}

function few(names) {
  const more = names.length - 4;
  return names.slice(0, 4).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
