"""What is done to whom: the sittings of one round.

A *sitting* is a fresh server and one load on it; a *phase* of it is what one scenario measures. Within a sitting, all
systems come one after the other, so that what is compared lies seconds apart.
"""

from dataclasses import dataclass, field

import machine

# Memory and handshakes are measured while streams come and go; this is only a moment with all of them there.
REST = "idle:0.3"

PEERS = ("mosquitto", "nchan", "nats", "axum")


@dataclass(frozen=True)
class Phase:
    """One phase of the load, for a scenario."""

    scenario: str
    # As loadgen spells it; {seconds} is filled in. A closed loop has found its pace well within one.
    load: str
    # Those that take part; empty: all of the sitting.
    systems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sitting:
    """A fresh server for each of these systems, and a load on it."""

    name: str
    # Those that are measured in it besides its phases, while streams come and go.
    scenarios: str
    systems: tuple[str, ...]
    streams: int
    phases: tuple[Phase, ...]
    transport: str = "ws"
    flags: tuple[str, ...] = ()
    # A hundred streams come and go first, so that what a server allots once does not count per connection.
    warmed: bool = False
    # Which cores the server, the brokers and the clients have.
    cores: str = "apart"
    environment: dict[str, str] = field(default_factory=dict)
    # False: the broker is left at its default, which gathers small messages while earlier ones are unacknowledged.
    broker_at_once: bool = True


ALL = ("floor", "floodway", *PEERS)
BATCHED = ("floor-batch", "floodway", *PEERS, "fastapi")
# Those that don't batch; `floor-batch` is the floor of the closed loop only.
SINGLE = ("floor", "floor-uring", "floodway", "floodway-uring", *PEERS, "fastapi")
DEVICES = ("--devices", "1000", "--filter", "device")

SITTINGS = [
    Sitting(
        "ten-thousand",
        "DE",
        ALL,
        10_000,
        (Phase("B", "paced:5:{seconds}"),),
        warmed=True,
    ),
    Sitting("ten-thousand-sse", "D'", ("floor", "floodway"), 10_000, (), "sse", warmed=True),
    Sitting(
        "thousand",
        "",
        tuple(dict.fromkeys((*SINGLE, *BATCHED))),
        1_000,
        (
            Phase("A", "paced:20:{seconds}", SINGLE),
            Phase("A", "paced:100:{seconds}", SINGLE),
            Phase("C", "window:64:1", BATCHED),
        ),
    ),
    Sitting("hundred", "", tuple(name for name in BATCHED if name != "fastapi"), 100, (Phase("C", "window:64:1"),)),
    Sitting(
        "thousand-sse",
        "",
        ("floor", "floodway", "nchan", "axum", "fastapi"),
        1_000,
        (
            Phase("A'", "paced:20:{seconds}"),
            Phase("A'", "paced:100:{seconds}", ("floor", "floodway", "nchan", "axum")),
        ),
        "sse",
    ),
    Sitting(
        "filters",
        "",
        ("floodway",),
        10_000,
        (Phase("F", "paced:5:{seconds}"),),
        flags=("--metric-filters", "10"),
        warmed=True,
    ),
    # With mosquitto as it is by default, and with one that sends every message in a packet of its own: then nearly each
    # wakes the server, and the kernel's wake-ups count with it.
    Sitting(
        "devices",
        "",
        ("floodway",),
        1_000,
        (Phase("G", "paced:20000:{seconds}"),),
        flags=(*DEVICES, "--wanted-devices", "100"),
        broker_at_once=False,
    ),
    Sitting(
        "devices-at-once",
        "",
        ("floodway",),
        1_000,
        (Phase("G", "paced:20000:{seconds}"),),
        flags=(*DEVICES, "--wanted-devices", "100"),
    ),
    # One stream keeps the tenant subscribed and wants one event in a thousand: what the server spends is the way of an
    # event from the broker's socket to its drop. At a pace, and as fast as they come with the broker on the same core.
    Sitting(
        "unwanted",
        "",
        ("floodway",),
        1,
        (Phase("G", "paced:20000:{seconds}"),),
        flags=(*DEVICES, "--wanted-devices", "1"),
        broker_at_once=False,
    ),
    Sitting(
        "unwanted-burst",
        "",
        ("floodway",),
        1,
        (Phase("G", "window:4:1"),),
        flags=(*DEVICES, "--wanted-devices", "1"),
        cores="beside",
    ),
    Sitting("one-by-one", "H", ("floodway",), 10_000, (), flags=("--in-flight", "1"), warmed=True),
    Sitting("one-shard", "", ("floodway",), 1_000, (Phase("I", "paced:100:{seconds}"),), cores="spread"),
    Sitting(
        "two-shards",
        "",
        ("floodway",),
        1_000,
        (Phase("I", "paced:100:{seconds}"),),
        cores="spread",
        environment={"FLOODWAY_SHARD_COUNT": "2"},
    ),
    Sitting("rest", "", ("floor", "floodway"), 1, (Phase("J", "single:500"),)),
]
LETTERS = ("A", "A'", "B", "C", "D", "D'", "E", "F", "G", "H", "I", "J")


def cores_of(sitting: Sitting) -> tuple[set[int], set[int], set[int]]:
    """The cores of the server, of the broker in front of it, and of the load generator."""
    server, other = machine.cores()
    return {
        "apart": ({server}, {other}, {other}),
        "beside": ({server}, {server}, {other}),
        "spread": ({server, other},) * 3,
    }[sitting.cores]


def needed(sitting: Sitting, scenarios: set[str]) -> bool:
    """Whether the sitting has something to tell of these scenarios."""
    own = {sitting.scenarios} if sitting.scenarios in LETTERS else set(sitting.scenarios)
    return bool(scenarios & (own | {phase.scenario for phase in sitting.phases}))


def phases_of(sitting: Sitting, system: str, scenarios: set[str], seconds: float) -> list[str]:
    """The phases as loadgen understands them; a rest where only the streams' coming and going is asked for."""
    loads = [
        phase.load.format(seconds=f"{seconds:g}")
        for phase in sitting.phases
        if phase.scenario in scenarios and (not phase.systems or system in phase.systems)
    ]
    return loads or ([REST] if sitting.scenarios else [])
