"""Stops one thread of a process, and no other, until this program ends: how a thread that is stuck looks from outside.

Usage: pause_thread.py PROCESS THREAD

Prints `paused` once THREAD, as /proc names it, stands still. The kernel lets it go on when its tracer is gone.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000  # waitpid: for threads too


def main():
    process, name = sys.argv[1:]
    tasks = Path(f"/proc/{process}/task").iterdir()
    thread = next(int(task.name) for task in tasks if (task / "comm").read_text().strip() == name)
    trace(PTRACE_SEIZE, thread)
    trace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    print("paused", flush=True)
    signal.pause()


def trace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, thread, 0, 0) != 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")


main()
