// Speaks the admin API: JSON over HTTP, in the form of the Connect protocol.

const SERVICE = "/floodway.admin.v1.Admin/";
const KEY = "floodway.token";
const END_OF_STREAM = 2;
const HEAD = 5;
// Codes for answers that carry none, as those of a proxy in between.
const BY_STATUS = { 401: "unauthenticated", 403: "permission_denied", 404: "not_found", 503: "unavailable" };

// Tells "readonly" when a call was refused to the reading token.
export const access = new EventTarget();

let token = sessionStorage.getItem(KEY) ?? "";
// The gateway did not accept the token, or wants one: until there is another it is not asked.
let locked = null;

// Why a call failed: Connect's code, or "unreachable"; and a sentence.
export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  // The field of the request that is to blame, and what is wrong with it. Messages begin with the field's path.
  get field() {
    const found = this.code === "invalid_argument" && /^([a-z_.]+)(\[\d+\])?: (.*)$/s.exec(this.message);
    return found ? { path: found[1], at: found[2], reason: found[3] } : null;
  }
}

export function hasToken() {
  return token !== "";
}

// Keeps the token for this tab; without one, forgets it.
export function useToken(text) {
  token = text;
  locked = null;
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

// Calls `name` and gives its answer.
export async function call(name, request = {}, signal) {
  const response = await send(name, "application/json", JSON.stringify(request), signal);
  if (!response.ok) throw await failure(response);
  return response.json();
}

// Calls `name`, which answers again and again.
export async function* stream(name, request, signal) {
  const response = await send(name, "application/connect+json", frame(request), signal);
  if (!response.ok) throw await failure(response);
  for await (const { flags, text } of frames(response.body)) {
    const message = JSON.parse(text);
    if (!(flags & END_OF_STREAM)) yield message;
    else if (message.error) throw refusal(message.error.code, message.error.message);
    else return;
  }
  throw new ApiError("unreachable", "The connection to the gateway broke off.");
}

async function send(name, type, body, signal) {
  if (locked) throw locked;
  const headers = { "content-type": type };
  if (type !== "application/json") headers["connect-protocol-version"] = "1";
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    return await fetch(SERVICE + name, { method: "POST", headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("unreachable", "The gateway does not answer.");
  }
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const code = body.code ?? BY_STATUS[response.status] ?? "unknown";
  return refusal(code, body.message ?? body.detail ?? `The gateway answered ${response.status}.`);
}

function refusal(code, message) {
  const error = new ApiError(code, message ?? code);
  if (code === "unauthenticated") locked = error;
  if (code === "permission_denied") access.dispatchEvent(new Event("readonly"));
  return error;
}

// One message as Connect frames it: a byte of flags, four of length, the text.
function frame(message) {
  const text = new TextEncoder().encode(JSON.stringify(message));
  const framed = new Uint8Array(HEAD + text.length);
  new DataView(framed.buffer).setUint32(1, text.length);
  framed.set(text, HEAD);
  return framed;
}

async function* frames(body) {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  try {
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError("unreachable", "The connection to the gateway broke off.");
      }
      if (part.done) return;
      held = joined(held, part.value);
      let at = 0;
      while (held.length - at >= HEAD) {
        const length = new DataView(held.buffer, held.byteOffset + at).getUint32(1);
        if (held.length - at < HEAD + length) break;
        const text = new TextDecoder().decode(held.subarray(at + HEAD, at + HEAD + length));
        yield { flags: held[at], text };
        at += HEAD + length;
      }
      held = held.subarray(at);
    }
  } finally {
    // Whoever stops reading wants no more of it.
    reader.cancel().catch(() => {});
  }
}

function joined(one, other) {
  if (one.length === 0) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
