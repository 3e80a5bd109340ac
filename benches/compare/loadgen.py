"""Runs the load generator against a server that is ready, and reads the one line of JSON that it answers with."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any, Optional

from processes import Broken, Running
from systems import SECRET, Server, Setting, System

# No run takes longer; all waits of the load generator are bounded as well.
RUN_SECONDS = 150.0


@dataclass
class Result:
    """One run. `data` is what loadgen printed, if it did; `fault` says in a few words what went wrong."""

    data: Optional[dict[str, Any]] = None
    fault: str = ""


def run(setting: Setting, system: System, server: Server, flags: list[str]) -> Result:
    """Runs it to its end; never raises for what the server did."""
    command = [setting.program("loadgen"), *addressed(setting, system, server), *flags]
    if len(setting.client_cores) == 1:
        command += ["--pin", str(min(setting.client_cores))]
    running = setting.processes.start(f"loadgen-{len(setting.processes.running)}", command, setting.client_cores)
    try:
        running.process.wait(RUN_SECONDS)
    except subprocess.TimeoutExpired:
        running.end()
        return Result(fault=f"loadgen took longer than {RUN_SECONDS:.0f} s")
    result = read(running)
    if not server.running.alive():
        result.fault = f"crashed ({server.running.process.returncode}): {server.running.last_words()}"
    return result


def addressed(setting: Setting, system: System, server: Server) -> list[str]:
    """The flags that lead to the server, and tell whose CPU and memory count."""
    flags = ["--connect", f"127.0.0.1:{server.listen}", "--publish", server.publish]
    flags += ["--transport", setting.transport, "--dialect", system.dialect, "--label", system.name, "--quiet"]
    path = system.paths[setting.transport]
    if path is not None:
        flags += ["--path", path]
    if system.dialect == "floodway":
        flags += ["--secret", SECRET]
    for pid in server.running.pids():
        flags += ["--pid", str(pid)]
    return flags


def read(running: Running) -> Result:
    """What a run that ended says."""
    said = running.said.read_text(errors="replace")
    line = next((line for line in reversed(said.splitlines()) if line.startswith("{")), None)
    try:
        data = json.loads(line) if line is not None else None
    except ValueError:
        data = None
    if data is None:
        return Result(fault=f"loadgen ended with {running.process.returncode}: {running.last_words()}")
    if running.process.returncode not in (0, 1):
        raise Broken(f"loadgen does not understand its arguments: {running.last_words()}")
    return Result(data=data)
