"""Starts programs and ends them again.

Invariant: whatever was started within a `Processes` is gone when its `with` ends, on every path: also after an
exception, Ctrl-C or SIGTERM, and its folder is removed. If this process itself is killed, the kernel ends its children.
"""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

# Below the range from which the kernel gives ports to outgoing connections, so that none of those sits on one.
PORTS = range(10_000, 30_000)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

# How long a program may take to come up, and to end after it was asked to.
START_SECONDS = 20.0
END_SECONDS = 5.0


class Broken(Exception):
    """A program did not come up, or did not do its work. Says which, and its last words."""


@dataclass
class Running:
    """One started program."""

    name: str
    process: subprocess.Popen
    said: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def pids(self) -> list[int]:
        """Its process and the children of that."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [self.pid, *map(int, children.read_text().split())]

    def last_words(self) -> str:
        """The end of what it printed, on one line."""
        lines = self.said.read_text(errors="replace").split("\n")
        return " / ".join(line.strip() for line in lines if line.strip())[-300:]

    def alive(self) -> bool:
        return self.process.poll() is None

    def has_said(self, line: str) -> bool:
        return line in self.said.read_text(errors="replace").splitlines()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition` holds; Broken if the program ends before, or it takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if not self.alive():
                raise Broken(f"{self.name} ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise Broken(f"{self.name} did not come up: {self.last_words()}")
            time.sleep(0.02)

    def end(self) -> None:
        """Asks it to end, and then makes it."""
        for ask in (self.process.terminate, self.process.kill):
            if self.alive():
                ask()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END_SECONDS)
                return
        raise Broken(f"{self.name} does not end")


class Processes(contextlib.AbstractContextManager):
    """The programs of one sitting, with a folder of their own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="floodway-compare-"))
        # Servers that give up root must still find their files.
        self.folder.chmod(0o755)
        self.running: list[Running] = []

    def start(
        self,
        name: str,
        command: list[str],
        cores: set[int],
        environment: Optional[dict[str, str]] = None,
    ) -> Running:
        """Starts a program on these cores; what it prints goes into a file of the folder."""
        said = self.folder / f"{name}.said"
        parent = os.getpid()

        def prepare() -> None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)
            os.sched_setaffinity(0, cores)

        with said.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                preexec_fn=prepare,
            )
        running = Running(name, process, said)
        self.running.append(running)
        return running

    def write(self, name: str, template: Path, values: dict[str, object]) -> Path:
        """Writes a configuration into the folder, with its @…@ filled in."""
        text = template.read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        path = self.folder / name
        path.write_text(text)
        return path

    def __exit__(self, *_: object) -> None:
        # The last first: a broker that goes away before its server would only make that one log.
        for running in reversed(self.running):
            # One that does not even end when killed must not keep the others alive.
            with contextlib.suppress(Broken):
                running.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    for _ in range(1000):
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise Broken("no free port")


def accepts(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
