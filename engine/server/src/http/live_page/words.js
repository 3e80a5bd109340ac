// What codes and reasons mean, as sentences for a person.

import { counted } from "./numbers.js";

export const TRANSPORTS = { websocket: "WebSocket", sse: "server-sent events" };

/** A gap: how many events, where, and why. */
export function gapInWords({ reason, dropped }) {
  if (reason === "conflated" && dropped === 0) {
    return "Here the stream changed between every event and only the newest of each device; nothing was passed over (conflated).";
  }
  const what = dropped === null ? "Events may be missing here" : `${counted(dropped, "event")} ${lost(reason)} here`;
  return `${what}: ${WHY_MISSING[reason] ?? "the gateway gives no reason that this page knows"} (${reason}).`;
}

const lost = (reason) => (reason === "conflated" ? "passed over" : "lost");

const WHY_MISSING = {
  overflow: "this page read too slowly",
  conflated: "this page read too slowly and was given only the newest event of each device",
  replay: "the gateway no longer holds what was sent while this page was away",
  upstream: "the gateway had lost its source, and may have missed some",
  client: "this page could not draw as fast as events came",
};

/** Why a stream was refused or ended, by a WebSocket's close code or an HTTP status. */
export function endInWords(code, reason = "") {
  const [, limit] = /\((\d+)\)/.exec(reason) ?? [];
  switch (code) {
    case 4001:
    case 401:
      return "The token is missing or wrong, or its time is over. A new one is needed.";
    case 4003:
    case 403:
      return FORBIDDEN[reason] ?? `The gateway refuses this token: ${reason}.`;
    case 4000:
    case 400:
      return `The gateway can't make sense of what was picked: ${reason}.`;
    case 4029:
    case 429:
      return limit ? `${limitReached(Number(limit))} ${WAY_OUT}` : `A limit on streams is reached: ${reason}.`;
    case 4008:
      return "This page read too slowly, so the gateway ended its stream.";
    case 4010:
      return reason ? `An administrator ended this stream: ${reason}.` : "An administrator ended this stream.";
    case 1012:
      return "The gateway is being restarted.";
    case 1013:
    case 503:
      return BUSY[reason] ?? `The gateway takes no new streams now: ${reason}.`;
    case 1009:
      return "What was picked is too long for one message. Pick fewer names, or use groups.";
    default:
      return code >= 1002 && code < 6000 && code !== 1006
        ? `The connection ended with code ${code}${reason ? `: ${reason}` : ""}.`
        : "The connection to the gateway is lost.";
  }
}

const limitReached = (limit) => `The tenant's limit of ${counted(limit, "stream")} is reached.`;
const WAY_OUT = "Close another page or program that watches this tenant, or raise the limit.";

const FORBIDDEN = {
  "No tenant_id in token": "The token names no tenant, so there is nothing that it may watch.",
  "Unauthorized role": "The token carries no role that may watch telemetry.",
  "Not authorized at the broker": "The broker refuses this tenant's telemetry to the gateway.",
  "Token is for another tenant": "The token is for another tenant.",
  "Origin not allowed": "The gateway does not let pages from this address connect (http.allowed_origins).",
};

const BUSY = {
  "Server at capacity": "The gateway has as many streams as it can carry.",
  "Server draining": "The gateway is being restarted.",
  "Broker unavailable": "The gateway has no connection to its source of telemetry.",
  "Verification keys unavailable": "The gateway has not yet got the keys that tokens are checked with.",
};

/** The state of the gateway's source. */
export function upstreamInWords(state) {
  if (state === "down") return "The gateway has lost its source of telemetry. Events go on when it is back.";
  if (state === "refused") return "The source no longer sends this tenant's telemetry to the gateway.";
  return "The gateway has its source of telemetry again.";
}

/** What the picked names mean: "2 devices, 1 metric". */
export function chosenInWords({ devices, groups, metrics }) {
  const named = [
    devices.length > 0 && counted(devices.length, "device"),
    groups.length > 0 && counted(groups.length, "group"),
    metrics.length > 0 && counted(metrics.length, "metric"),
  ].filter(Boolean);
  return named.join(", ") || "everything";
}
