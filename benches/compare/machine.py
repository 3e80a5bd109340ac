"""What is told of the machine with each result, and which cores are used for what."""

import datetime
import os
import platform
import resource
import subprocess
from pathlib import Path

# Processes that wanted a core during the minute before: above it, the figures are good to a third at best.
BUSY = 1.0
ROOT = Path(__file__).resolve().parent.parent.parent


def cores() -> tuple[int, int]:
    """The core of the server under test and that of everything else; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 if len(usable) > 1 else 0]


def raise_open_files() -> int:
    """Raises the limit of open files to what is allowed, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def facts() -> dict[str, object]:
    """Machine, kernel, commit and time, as the report shows them."""
    return {
        "machine": f"{len(os.sched_getaffinity(0))} cores of {processor()}, {memory_gib():.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": f"{load():.1f}" + (" (other work was on the machine)" if load() > BUSY else ""),
    }


def processor() -> str:
    """The processor's own name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib() -> float:
    """Memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def commit() -> str:
    """The commit that is measured, and whether files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def load() -> float:
    """How many processes wanted a core during the last minute: what else runs here spoils the figures."""
    return os.getloadavg()[0]
