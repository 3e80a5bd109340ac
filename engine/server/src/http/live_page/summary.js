// What the page shows, in a sentence; what to do while there is nothing to show; and the events a second.

import { byId, element, setText } from "./dom.js";
import { count, counted, rate } from "./numbers.js";
import { Others } from "./others.js";
import { MAX_DEVICES, MAX_METRICS } from "./store.js";

/** What a device could send. */
const PAYLOAD = '{"metrics":{"temperature":21.5}}';

export class Summary {
  #store;
  #reader;
  #pickers;
  #others;

  constructor(store, reader, pickers) {
    this.#store = store;
    this.#reader = reader;
    this.#pickers = pickers;
    this.#others = new Others(store);
    byId("empty").append(element("p", { id: "empty-words" }), element("pre", { id: "empty-command", hidden: true }));
  }

  write(now, isPaused) {
    this.#reader.write(now, isPaused);
    byId("rate").hidden = this.#reader.tenant === "";
    setText(byId("rate-value"), rate(this.#reader.rate(now)));
    setText(byId("lede"), this.#lede(isPaused));
    this.#writeEmpty();
    this.#writeLimits();
    if (!isPaused) this.#others.write(now);
  }

  #lede(isPaused) {
    const { tenant } = this.#reader;
    if (tenant === "") return "Telemetry, drawn as it arrives.";
    const { metrics, drawn } = this.#store;
    const what = `${counted(metrics.size, "metric")} of ${counted(drawn, "device")} of ${tenant}`;
    if (isPaused) return `${what}. The picture stands still; what arrives is kept.`;
    return `${what}, as they arrive: a chart for each metric, a line for each device.`;
  }

  #writeEmpty() {
    const { tenant } = this.#reader;
    byId("empty").hidden = this.#store.metrics.size > 0;
    const isNarrowed = Object.values(this.#pickers.picked).some((names) => names.length > 0);
    byId("empty-command").hidden = tenant === "" || isNarrowed;
    if (tenant === "") {
      setText(byId("empty-words"), "Charts appear here with the first event.");
    } else if (isNarrowed) {
      setText(byId("empty-words"), "Nothing that was picked has sent a number yet. Charts appear with the first one.");
    } else {
      setText(byId("empty-words"), `Connected, and waiting: no device of ${tenant} has sent a number yet. Be one:`);
      setText(byId("empty-command"), `mosquitto_pub -h BROKER -t tenant/${tenant}/device/my-device/telemetry -m '${PAYLOAD}'`);
    }
  }

  #writeLimits() {
    const { undrawn, metrics, metricNames } = this.#store;
    const devices = undrawn > 0 && `${MAX_DEVICES} devices have lines; ${count(undrawn)} more are sending`;
    const isFull = metrics.size === MAX_METRICS && metricNames.size > MAX_METRICS;
    const charts = isFull && `${MAX_METRICS} metrics have charts; there are more`;
    const words = [devices, charts].filter(Boolean).join(", ");
    byId("charts-more").hidden = words === "";
    setText(byId("charts-more"), `${words}. Pick what you want to see.`);
  }
}
