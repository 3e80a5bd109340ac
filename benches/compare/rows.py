"""What is read from a run: the rows of the tables, and the targets that floodway is held to.

Figures are per core second or per delivery of the *server's* processes, as loadgen reads them from the process table;
clients and brokers in front of a server don't count.
"""

from dataclasses import dataclass
from typing import Any, Callable, Optional

Run = dict[str, Any]

# What all the others are held against.
OWN = "floodway"


@dataclass(frozen=True)
class Row:
    """One figure of each system that takes part."""

    key: str
    scenario: str
    title: str
    unit: str
    sitting: str
    figure: Callable[[Run], Optional[float]]
    # The phase whose losses are the row's; None: those of coming and going.
    load: Optional[str] = None
    digits: int = 2
    more_is_better: bool = False
    # What the row is held against as the kernel's own price.
    floor: str = "floor"


@dataclass(frozen=True)
class Target:
    """A bound for a figure of floodway: for itself, or divided by another's."""

    row: str
    bound: float
    # Which floodway: as it is by default, or behind a setting.
    of: str = OWN
    # What divides it: a system of the same row, or another row of floodway's; none: the figure itself.
    system: Optional[str] = None
    other_row: Optional[str] = None
    at_least: bool = False
    # Or the figure itself is within this bound.
    or_figure: Optional[float] = None


def of_phase(run: Run, load: str) -> Optional[dict[str, Any]]:
    """The phase that was asked for as `load…`."""
    for asked, phase in zip(run["load"], run["result"]["phases"]):
        if asked.startswith(load):
            return phase
    return None


def in_phase(load: str, *names: str, scale: float = 1.0) -> Callable[[Run], Optional[float]]:
    """A field of a phase in which something arrived, by the names on the way to it."""

    def figure(run: Run) -> Optional[float]:
        value: Any = of_phase(run, load)
        if value is None or not value["received"]:
            return None
        for name in names:
            value = value[name]
        return value * scale

    return figure


def at_connect(name: str) -> Callable[[Run], Optional[float]]:
    """A field of what is told of the handshakes."""
    return lambda run: run["result"]["connect"][name]


def grown(until: str) -> Callable[[Run], Optional[float]]:
    """KiB a stream by which the server was larger at that moment than before the first of them came."""

    def figure(run: Run) -> Optional[float]:
        rss, streams = run["result"]["rss_kib"], run["result"]["connect"]["connected"]
        return (rss[until] - rss["before"]) / streams if streams else None

    return figure


def last_against_first(run: Run) -> Optional[float]:
    """CPU of the last hundred handshakes divided by that of the first."""
    connect = run["result"]["connect"]
    first = connect["first100_cpu_us"]
    return connect["last100_cpu_us"] / first if first else None


CPU = "cpu_us_per_delivery"
RATE = "deliveries_per_cpu_s"

ROWS = [
    Row("A20", "A", "1,000 WebSocket streams, 20 msg/s: CPU per delivery", "µs", "thousand",
        in_phase("paced:20:", CPU), "paced:20:"),
    Row("A100", "A", "1,000 WebSocket streams, 100 msg/s: CPU per delivery", "µs", "thousand",
        in_phase("paced:100:", CPU), "paced:100:"),
    Row("A'20", "A'", "1,000 SSE streams, 20 msg/s: CPU per delivery", "µs", "thousand-sse",
        in_phase("paced:20:", CPU), "paced:20:"),
    Row("A'100", "A'", "1,000 SSE streams, 100 msg/s: CPU per delivery", "µs", "thousand-sse",
        in_phase("paced:100:", CPU), "paced:100:"),
    Row("B", "B", "10,000 WebSocket streams, 5 msg/s: CPU per delivery", "µs", "ten-thousand",
        in_phase("paced:5:", CPU), "paced:5:"),
    Row("B p99", "B", "the same: until a subscriber has it, p99", "ms", "ten-thousand",
        in_phase("paced:5:", "latency_us", "p99", scale=1e-3), "paced:5:", digits=1),
    Row("C1000", "C", "1,000 streams, closed loop, window 64: deliveries per CPU second", "million", "thousand",
        in_phase("window:64:", RATE, scale=1e-6), "window:64:", more_is_better=True, floor="floor-batch"),
    Row("C1000 wall", "C", "the same: deliveries per second, clients on the other core", "million", "thousand",
        in_phase("window:64:", "deliveries_per_s", scale=1e-6), "window:64:", more_is_better=True, floor="floor-batch"),
    Row("C100", "C", "100 streams, closed loop, window 64: deliveries per CPU second", "million", "hundred",
        in_phase("window:64:", RATE, scale=1e-6), "window:64:", more_is_better=True, floor="floor-batch"),
    Row("C100 wall", "C", "the same: deliveries per second, clients on the other core", "million", "hundred",
        in_phase("window:64:", "deliveries_per_s", scale=1e-6), "window:64:", more_is_better=True, floor="floor-batch"),
    Row("D", "D", "10,000 idle WebSocket streams: memory of each", "KiB", "ten-thousand", grown("connected")),
    Row("D left", "D", "the same: what stays of it after they left", "KiB", "ten-thousand", grown("after_leaving")),
    Row("D'", "D'", "10,000 idle SSE streams: memory of each", "KiB", "ten-thousand-sse", grown("connected")),
    Row("D' left", "D'", "the same: what stays of it after they left", "KiB", "ten-thousand-sse", grown("after_leaving")),
    Row("E", "E", "10,000 connects, 64 at once: CPU per handshake", "µs", "ten-thousand", at_connect("cpu_us"), digits=1),
    Row("F", "F", "B with ten metric filters: CPU per delivery", "µs", "filters",
        in_phase("paced:5:", CPU), "paced:5:"),
    Row("G", "G", "1,000 devices, 10 streams on each of 100, 20,000 msg/s: CPU per delivery", "µs", "devices",
        in_phase("paced:20000:", CPU), "paced:20000:"),
    Row("G at once", "G", "the same, from a broker that sends each message at once: CPU per delivery", "µs",
        "devices-at-once", in_phase("paced:20000:", CPU), "paced:20000:"),
    Row("G unwanted", "G", "1,000 devices, one stream on one of them, 20,000 msg/s: CPU per event", "µs", "unwanted",
        in_phase("paced:20000:", "cpu_us_per_event"), "paced:20000:"),
    Row("G burst", "G", "1,000 devices, one stream on one of them, as fast as they come, the broker on the server's core:"
        " CPU per event", "µs", "unwanted-burst", in_phase("window:4:", "cpu_us_per_event"), "window:4:"),
    Row("H", "H", "10,000 connects one by one: CPU of the last hundred against the first", "x", "one-by-one",
        last_against_first),
    Row("I one", "I", "A on both cores, clients too, one shard: deliveries per CPU second", "million", "one-shard",
        in_phase("paced:100:", RATE, scale=1e-6), "paced:100:", digits=3, more_is_better=True),
    Row("I two", "I", "A on both cores, clients too, two shards: deliveries per CPU second", "million", "two-shards",
        in_phase("paced:100:", RATE, scale=1e-6), "paced:100:", digits=3, more_is_better=True),
    Row("J", "J", "one stream, one message at a time: MQTT in to WebSocket out, p99", "µs", "rest",
        in_phase("single:", "latency_us", "p99"), "single:", digits=0),
]
BY_KEY = {row.key: row for row in ROWS}

TARGETS = [
    Target("A20", 1.10, system="floor"),
    Target("A100", 1.10, system="floor"),
    Target("A20", 1.0, "floodway-uring", system="floor"),
    Target("A100", 1.0, "floodway-uring", system="floor"),
    Target("A'20", 1.15, system="floor"),
    Target("A'100", 1.15, system="floor"),
    Target("B", 1.15, system="floor"),
    Target("B p99", 1.25, system="floor"),
    Target("C1000", 0.6, system="floor-batch", at_least=True),
    Target("C100", 0.6, system="floor-batch", at_least=True),
    Target("D", 1.0),
    # "Back to where it was": a tenth of a KiB a stream is what an allocator may keep.
    Target("D left", 0.1),
    Target("D'", 1.3),
    Target("D' left", 0.1),
    Target("E", 1.8, system="floor", or_figure=55.0),
    Target("F", 1.10, other_row="B"),
    # Both are 20,000 deliveries a second.
    Target("G", 1.3, other_row="A20"),
    Target("G unwanted", 1.5),
    Target("G burst", 1.5),
    Target("H", 1.2),
    Target("I two", 0.9, other_row="I one", at_least=True),
    Target("J", 1.3, system="floor"),
]
