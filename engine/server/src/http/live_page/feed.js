// The stream that this page watches: how the client of floodway is used.
//
// `connect` gives an async iterable of messages. It reconnects by itself, goes on behind the last event that came, and tells
// its state as messages of their own; what ends it for good is thrown. So a reader is one loop.

import { connect } from "./floodway.js";

/** Where a message carries the text that it came as. The client does not need it; this page shows it. */
export const TEXT = Symbol("text");

const parse = (text) => Object.assign(JSON.parse(text), { [TEXT]: text });

/** The gateway that served this page. */
const GATEWAY = new URL(".", document.baseURI);

export class Feed {
  #options;
  #hear;
  #end;
  #stream;

  /**
   * `options` are the client's: `token`, `transport`, and the filters `devices`, `groups` and `metrics`. Each message is
   * given to `hear`, and the error that ends the stream to `end`.
   */
  constructor(options, hear, end) {
    this.#options = options;
    this.#hear = hear;
    this.#end = end;
    this.#read();
  }

  async #read(lastEventId) {
    // The first thing to come is the last event of each device, so that nobody looks at an empty page.
    const stream = connect(GATEWAY, { ...this.#options, snapshot: true, lastEventId, parse });
    this.#stream = stream;
    try {
      for await (const message of stream) {
        // A stream that was left for another transport has nothing more to say.
        if (stream !== this.#stream) return;
        this.#hear(message);
      }
    } catch (error) {
      if (stream === this.#stream) this.#end(error);
    }
  }

  /** Goes on over the other transport, behind the last event that came: nothing is missed, nothing comes twice. */
  switchTo(transport) {
    const { lastEventId } = this.#stream;
    this.close();
    this.#options.transport = transport;
    this.#read(lastEventId);
  }

  /** What is watched. */
  get picked() {
    const { devices, groups, metrics } = this.#options;
    return { devices, groups, metrics };
  }

  /**
   * Watches other devices, groups and metrics from now on. None of a kind means all. Throws if one of them can't be a name,
   * or if they are too many for a request.
   */
  choose({ devices, groups, metrics }) {
    const before = this.#options;
    let narrowedTo = before.metrics;
    if (devices.length + groups.length > 0) {
      // First what is added, since a stream that gives up its last device is sent nothing.
      const added = { devices: without(devices, before.devices), groups: without(groups, before.groups) };
      this.#stream.subscribe({ ...added, snapshot: true });
      this.#stream.unsubscribe({
        devices: without(before.devices, devices),
        groups: without(before.groups, groups),
      });
    } else if (before.devices.length + before.groups.length > 0) {
      // This clears the metrics too, so they are named again.
      this.#stream.clearFilters();
      narrowedTo = [];
    }
    if (metrics.join() !== narrowedTo.join()) this.#stream.setMetrics(metrics);
    this.#options = { ...before, devices, groups, metrics };
  }

  close() {
    const stream = this.#stream;
    this.#stream = null;
    stream.close();
  }
}

const without = (names, gone) => names.filter((name) => !gone.includes(name));
