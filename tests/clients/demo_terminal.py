"""`floodway demo` in a terminal of 80 columns and 24 lines: all that it tells first stays in sight. In one of 40 columns the line
that shows it at work stays one line.

Usage: demo_terminal.py FLOODWAY

Prints "all is well" at the end.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte

DEADLINE_SECONDS = 30
NARROW = 40


def run(program, width, height, seen):
    """Runs the demo in a terminal of that size until `seen` is satisfied with the lines of its screen and with all that it wrote."""
    screen = pyte.Screen(width, height)
    stream = pyte.ByteStream(screen)
    raw = b""
    pid, side = pty.fork()
    if pid == 0:
        # As large from the beginning as the terminal is.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        os.environ["FLOODWAY_LISTEN"] = os.environ["FLOODWAY_ADMIN_LISTEN"] = "127.0.0.1:0"
        os.execv(program, [program, "demo"])
    end = time.monotonic() + DEADLINE_SECONDS
    try:
        while not seen(screen.display, raw):
            assert time.monotonic() < end, "\n".join(screen.display)
            if select.select([side], [], [], 0.05)[0]:
                part = os.read(side, 65536)
                raw += part
                stream.feed(part)
        return screen.display
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def fits(program):
    lines = run(program, 80, 24, lambda lines, _: any(line.startswith("devices 14 | ") for line in lines))
    text = "\n".join(lines)
    # What is logged before it began may be above it.
    assert any(line.startswith("floodway ") and "demo" in line for line in lines), text
    for wanted in ("/#token=", "operator  http://", "TOKEN=", "curl ", "websocat ", "mosquitto_pub ", "dropped 0"):
        assert wanted in text, f"{wanted} is not in sight:\n{text}"
    first = next(line for line in lines if "://" in line)
    assert first.startswith("http://") and "/#token=" in first, f"the page's address comes first:\n{text}"


def stays_one_line(program):
    lines = run(program, NARROW, 40, lambda _, raw: raw.count(b"\rdevices 14 | ") > 2)
    live = [line for line in lines if line.startswith("devices ")]
    text = "\n".join(lines)
    assert len(live) == 1 and live[0].startswith("devices 14 | events/s "), text
    assert live[0] == [line for line in lines if line.strip()][-1], text


def main(program):
    fits(program)
    stays_one_line(program)
    print("all is well", flush=True)


main(*sys.argv[1:])
