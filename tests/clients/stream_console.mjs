// Drives clients/js from a test. The argument is JSON: {"url":…,"options":{…},"token_file":…}; options have the names of the
// Python client (max_rate, last_event_id, …). Commands come as lines on stdin, each message goes out as one.
// At the end: {"type":"end"}, or {"type":"failed","code":…,"reason":…,"retryable":…} for a StreamError.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { connect, StreamError } from "../../clients/js/floodway.js";

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
const print = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const { url, options = {}, token_file } = JSON.parse(process.argv[2]);
const named = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
// Read anew for each token, so that a test can change it.
const token = token_file && (async () => (await readFile(token_file, "utf8")).trim());
const stream = connect(url, { token, ...named });

const commands = {
  subscribe: (command) => stream.subscribe(command),
  unsubscribe: (command) => stream.unsubscribe(command),
  set_metrics: ({ metrics }) => stream.setMetrics(metrics),
  clear_filters: () => stream.clearFilters(),
  close: () => stream.close(),
};

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do](command);
});

try {
  for await (const message of stream) print(message);
  print({ type: "end" });
} catch (error) {
  if (!(error instanceof StreamError)) throw error;
  const { code, reason, retryable } = error;
  print({ type: "failed", code, reason, retryable });
}
input.close();
process.stdin.unref();
