"""`floodway demo` in a terminal of 80 columns and 24 lines: all that it tells first stays in sight.

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
WIDTH, HEIGHT = 80, 24


def main(program):
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.ByteStream(screen)
    pid, side = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.environ["FLOODWAY_LISTEN"] = os.environ["FLOODWAY_ADMIN_LISTEN"] = "127.0.0.1:0"
        os.execv(program, [program, "demo"])
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    end = time.monotonic() + DEADLINE_SECONDS
    try:
        while not any(line.startswith("devices 14 | ") for line in screen.display):
            assert time.monotonic() < end, "\n".join(screen.display)
            if select.select([side], [], [], 0.05)[0]:
                stream.feed(os.read(side, 65536))
        text = "\n".join(screen.display)
        # What is logged before it began may be above it.
        assert any(line.startswith("floodway ") and "demo" in line for line in screen.display), text
        for wanted in ("gateway   http://", "TOKEN=", "curl ", "websocat ", "mosquitto_pub ", "dropped 0"):
            assert wanted in text, f"{wanted} is not in sight:\n{text}"
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    print("all is well", flush=True)


main(*sys.argv[1:])
