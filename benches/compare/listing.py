"""What does it cost the streams when somebody lists all of them over gRPC? No more than a scrape?

Events are timed from the publisher to the subscriber while nobody asks, while /metrics is scraped once a second, while
all streams are listed once a second, and while they are listed without a pause. The server has one core, which its one
shard and its private listener share; whoever asks has the other one, and the lowest priority there. Each device's event
goes to a hundredth of the streams.

Usage: scripts/listing [--streams N] [--seconds S] [--rate EVENTS_A_SECOND]
"""

import argparse
import json
import os
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Callable, Optional

import loadgen
import machine
from processes import Broken, Processes, free_port
from systems import Server, Setting, System, start_floodway

DEVICES = 100
FLOODWAY = System("floodway", "floodway", {"ws": None}, start_floodway, dialect="floodway")

# Does one thing that an operator's tool does; its argument is the address of the private listener.
Ask = Callable[[str], None]


class Asker(threading.Thread):
    """Asks again and again while the streams are there, on the clients' core and only when that has nothing else to do."""

    def __init__(self, ask: Ask, pause: float, cores: set[int], listen: int, admin: str, streams: int) -> None:
        super().__init__(daemon=True)
        self.ask, self.pause, self.cores, self.admin = ask, pause, cores, admin
        self.status = f"http://127.0.0.1:{listen}/api/v1/telemetry/stream/status"
        self.streams = streams
        self.took: list[float] = []

    def count(self) -> int:
        with urllib.request.urlopen(self.status, timeout=10) as answer:
            return json.load(answer)["total_connections"]

    def run(self) -> None:
        # Of this thread, and of the programs that it starts.
        os.sched_setaffinity(0, self.cores)
        os.nice(19)
        while self.count() < self.streams:
            time.sleep(0.05)
        while self.count() == self.streams:
            begun = time.monotonic()
            self.ask(self.admin)
            self.took.append(time.monotonic() - begun)
            time.sleep(max(0.0, self.pause - self.took[-1]))


def scrape(admin: str) -> None:
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
        answer.read()


def lists(setting: Setting) -> Ask:
    def ask(admin: str) -> None:
        command = [setting.program("floodway"), "connections", "--all", "--json", "--admin", f"http://{admin}"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=60)

    return ask


def measure(target: Path, arguments: argparse.Namespace, ask: Optional[str], pause: float) -> str:
    """One row."""
    server_core, client_core = machine.cores()
    with Processes() as processes:
        setting = Setting(target, processes, "ws", {server_core}, {client_core}, {client_core})
        admin = f"127.0.0.1:{free_port()}"
        setting.environment["FLOODWAY_ADMIN_LISTEN"] = admin
        server: Server = start_floodway(setting)
        asker = None
        if ask is not None:
            asks = scrape if ask == "scrape" else lists(setting)
            asker = Asker(asks, pause, setting.client_cores, server.listen, admin, arguments.streams)
            asker.start()
        flags = ["--streams", str(arguments.streams), "--filter", "device", "--devices", str(DEVICES)]
        flags += ["--settle-ms", "1000", "--phase", f"paced:{arguments.rate}:{arguments.seconds}"]
        result = loadgen.run(setting, FLOODWAY, server, flags)
        if asker:
            asker.join(60)
        if result.data is None or result.fault:
            raise Broken(result.fault)
        phase = result.data["phases"][0]
        took = asker.took if asker else []
        if phase["lost"] or (asker and not took):
            raise Broken(f"{phase['lost']} events were lost, {len(took)} times asked")
        spread = phase["latency_us"]
        figures = [f"{spread[key] / 1000:9.2f}" for key in ("p50", "p99", "p999", "max")]
        each = f"{1000 * sum(took) / len(took):9.0f}" if took else f"{'-':>9}"
        return " ".join([*figures, f"{phase['cpu_s']:9.2f}", f"{len(took):7}", each])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=50)
    arguments = parser.parse_args()
    machine.raise_open_files()
    print(f"{arguments.streams} streams, {arguments.rate} events a second, each for a hundredth of them; load {machine.load():.1f}")
    print(f"{'ms, from publisher to subscriber':34} {'p50':>9} {'p99':>9} {'p99.9':>9} {'worst':>9} {'CPU, s':>9} {'asked':>7} {'ms each':>9}")
    for title, ask, pause in (
        ("nobody asks", None, 0.0),
        ("/metrics once a second", "scrape", 1.0),
        ("all streams listed once a second", "list", 1.0),
        ("all streams listed without a pause", "list", 0.0),
    ):
        print(f"{title:34} {measure(arguments.target, arguments, ask, pause)}", flush=True)


if __name__ == "__main__":
    main()
