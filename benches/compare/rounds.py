"""Runs the sittings, round after round, each round with its systems in another order; writes down every run as it ends."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Iterator, TextIO

import loadgen
import machine
from loadgen import Result
from processes import Broken, Processes
from scenarios import REST, SITTINGS, Sitting, cores_of, needed, phases_of
from systems import BY_NAME, OURS, Setting, System

WARM_STREAMS = 100
# A server that spent this much of its core was not paced by its load any more.
SATURATED = 0.95


def measure(options: Any, out: Path) -> list[dict[str, Any]]:
    """All rounds that fit into the time; returns the runs, which are also in `runs.jsonl` of `out`. What time is left after
    the last one with everybody is for rounds of floodway and the floor, whose ratios the targets are about."""
    runs: list[dict[str, Any]] = []
    deadline = time.monotonic() + options.minutes * 60
    ours = [name for name in options.only if name in OURS]
    took: dict[bool, float] = {}
    with (out / "runs.jsonl").open("w") as file:
        for number in range(1, options.rounds + 1):
            left = deadline - time.monotonic()
            is_whole = number == 1 or (False not in took and took[True] < left)
            # Of ours alone a round takes about half of one with everybody.
            if not is_whole and (not ours or took.get(False, took[True] / 2) > left):
                say(f"no time for another round within {options.minutes:g} minutes")
                break
            began = time.monotonic()
            for run in one_round(options, number, options.only if is_whole else ours):
                keep(run, runs, file)
            took[is_whole] = time.monotonic() - began
            whose = "" if is_whole else ", of floodway and the floor,"
            say(f"round {number} of at most {options.rounds}{whose} took {took[is_whole]:.0f} s")
    return runs


def keep(run: dict[str, Any], runs: list[dict[str, Any]], file: TextIO) -> None:
    """Written at once: what was measured is not lost with what comes after."""
    runs.append(run)
    file.write(json.dumps(run) + "\n")
    file.flush()


def one_round(options: Any, number: int, only: list[str]) -> Iterator[dict[str, Any]]:
    """Every sitting with each of these systems once."""
    for sitting in SITTINGS:
        if not needed(sitting, options.scenario):
            continue
        systems = [BY_NAME[name] for name in sitting.systems if name in only]
        for system in in_order(systems, number):
            phases = phases_of(sitting, system.name, options.scenario, options.seconds)
            if phases:
                yield from sit(options, sitting, system, phases, number)


def in_order(systems: list[System], number: int) -> list[System]:
    """Each round begins with another system, and every second one goes the other way."""
    if not systems:
        return []
    by = (number - 1) % len(systems)
    turned = systems[by:] + systems[:by]
    return turned if number % 2 else turned[::-1]


def sit(
    options: Any, sitting: Sitting, system: System, phases: list[str], number: int
) -> Iterator[dict[str, Any]]:
    """One sitting of one system. A frail one has its first phase alone; if that is too much, nothing faster is tried."""
    overrun = ""
    for load in [phases[:1], phases[1:]] if system.frail and len(phases) > 1 else [phases]:
        began = time.monotonic()
        if overrun:
            result = Result(fault=f"not tried: {overrun} was too much")
        else:
            result = on_fresh_server(options, sitting, system, load)
            overrun = load[0] if too_much(result) else ""
        run = {
            "round": number,
            "sitting": sitting.name,
            "system": system.name,
            "load": load,
            "seconds": round(time.monotonic() - began, 2),
            "machine_load": round(machine.load(), 2),
            "fault": result.fault,
            "result": result.data,
        }
        say(f"  {sitting.name:<18}{system.name:<13}{run['seconds']:6.1f} s  {glance(result)}")
        yield run


def on_fresh_server(options: Any, sitting: Sitting, system: System, phases: list[str]) -> Result:
    """Starts the server, warms it, runs the load, ends everything."""
    with Processes() as processes:
        cores = cores_of(sitting)
        setting = Setting(
            options.target, processes, sitting.transport, *cores, sitting.environment, sitting.broker_at_once
        )
        try:
            server = system.start(setting)
            if sitting.warmed:
                flags = ["--streams", str(WARM_STREAMS), "--phase", REST]
                warmed = loadgen.run(setting, system, server, flags)
                if warmed.fault:
                    return Result(fault=f"while it was warmed: {warmed.fault}")
            flags = ["--streams", str(sitting.streams), *sitting.flags]
            for phase in phases:
                flags += ["--phase", phase]
            return loadgen.run(setting, system, server, flags)
        except Broken as broken:
            return Result(fault=str(broken))


def too_much(result: Result) -> bool:
    """Whether the next heavier phase could only fail as well."""
    if result.data is None:
        return True
    return any(
        phase["lost"] > 0 or (phase["kind"] == "paced" and phase["cpu_s"] > SATURATED * phase["seconds"])
        for phase in result.data["phases"]
    )


def glance(result: Result) -> str:
    """One run in a few words, for who watches."""
    if result.data is None:
        return result.fault
    words = [fault for fault in (result.fault, result.data.get("error")) if fault]
    connect = result.data["connect"]
    words.append(f"{connect['connected']} streams at {connect['cpu_us']:.0f} µs")
    for phase in result.data["phases"]:
        if phase["received"]:
            words.append(f"{phase['kind']}: {phase['cpu_us_per_delivery']:.2f} µs")
        if phase["lost"]:
            words.append(f"lost {phase['lost']}")
    return ", ".join(words)


def say(words: str) -> None:
    """Progress goes beside the result."""
    print(words, file=sys.stderr, flush=True)
