"""`floodway top` in a terminal: what it shows, what keys do, and how it leaves the terminal.

Usage: top_terminal.py FLOODWAY ADMIN_URL

The gateway has the tenants `busy`, with a stream of the subject `stalled` that reads nothing, and `calm`. Prints
"stop the gateway" and "start the gateway" when that is to be done, and "all is well" at the end.
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
SIZE = (140, 40)
TINY = [(1, 1), (2, 1), (1, 5), (9, 3), (20, 4), (40, 8), (80, 2)]


class Terminal:
    """A pseudo terminal with a program in it, and its screen."""

    def __init__(self, command):
        self.side, self.other = pty.openpty()
        self.before = termios.tcgetattr(self.other)
        self.screen = pyte.Screen(*SIZE)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(*SIZE, tell=False)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.other, termios.TIOCSCTTY, 0)
            for standard in range(3):
                os.dup2(self.other, standard)
            os.environ["TERM"] = "xterm-256color"
            os.execv(command[0], command)

    def resize(self, width, height, tell=True):
        fcntl.ioctl(self.other, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)
        if tell:
            os.kill(self.pid, signal.SIGWINCH)

    def read(self):
        """What has come, if anything comes within a moment. False: nothing did."""
        if not select.select([self.side], [], [], 0.05)[0]:
            return False
        part = os.read(self.side, 65536)
        self.raw += part
        self.stream.feed(part)
        return True

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, what, shown):
        """Waits until the screen satisfies `shown`, or holds all of these texts."""
        texts = (shown,) if isinstance(shown, str) else shown
        holds = shown if callable(shown) else lambda screen: all(text in screen for text in texts)
        end = time.monotonic() + DEADLINE_SECONDS
        while not holds(self.text()):
            assert self.exit_code() is None, f"it ended instead of: {what}\n{self.raw[-2000:]!r}"
            assert time.monotonic() < end, f"in vain: {what}\n{self.text()}"
            self.read()

    def press(self, keys):
        os.write(self.side, keys.encode())

    def draws(self):
        """Waits until it has drawn again."""
        before, end = len(self.raw), time.monotonic() + DEADLINE_SECONDS
        while len(self.raw) == before:
            assert self.exit_code() is None, f"it ended: {self.raw[-2000:]!r}"
            assert time.monotonic() < end, "it draws nothing any more"
            self.read()

    def exit_code(self):
        if not hasattr(self, "code"):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == 0:
                return None
            self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def ended(self):
        end = time.monotonic() + DEADLINE_SECONDS
        while self.exit_code() is None:
            assert time.monotonic() < end, "it does not end"
            self.read()
        while self.read():
            pass
        return self.code


def is_above(one, other):
    def shown(screen):
        lines = screen.splitlines()
        begun = [line.split(" ")[0] for line in lines]
        return one in begun and other in begun and begun.index(one) < begun.index(other)

    return shown


def watches(top):
    top.shows("gateway, tenants and the stalled stream", ("serving", "2 tenants", "busy", "calm", "stalled", "50/50"))
    top.shows("a rate of the busy tenant", lambda screen: any(
        line.startswith("busy ") and line.split()[3] not in ("-", "0/s") for line in screen.splitlines()))
    top.shows("by events delivered", ("by events delivered", "q quit"))
    top.shows("the busy one first", is_above("busy", "calm"))


def sorts(top):
    top.press("t")
    top.shows("sorted by name", "by tenant")
    top.press("d")
    top.shows("sorted by drops", "by events dropped")
    top.shows("who drops first", is_above("busy", "calm"))
    top.press("e")
    top.shows("sorted by events", "by events delivered")


def fits_a_small_terminal(top):
    titles = (
        "IN DELIVERED SENT DROPPED OPENED CLOSED REFUSED",
        "TENANT STREAMS EVENTS DELIVERED DROPPED IN ALL DROPPED",
        "STREAM TENANT SUBJECT VIA WANTS QUEUE SLOW DROPPED",
    )

    def is_whole(screen):
        lines = [" ".join(line.split()) for line in screen.splitlines()]
        rates = [line.split() for line in lines if line.startswith(("1 s ", "60 s "))]
        return (
            all(title in lines for title in titles)
            and all(line[-1].endswith("/s") and len(line) >= 10 for line in rates)
            and lines[0].startswith("serving, ")
            and all(text in screen for text in ("2 tenants", "busy", "calm", "stalled", "50/50", "q quit"))
        )

    top.resize(80, 24)
    top.press("j")
    top.shows("all its columns", is_whole)
    top.resize(*SIZE)
    top.shows("the large screen again", ("serving", "busy", "stalled", "q quit"))


def fits_a_narrow_terminal(top):
    titles = ("1 s 60 s", "TENANT DELIVERED DROPPED", "STREAM TENANT QUEUE DROPPED")
    rates = ("IN", "DELIVERED", "SENT", "DROPPED", "OPENED", "CLOSED", "REFUSED")

    def is_whole(screen):
        lines = [" ".join(line.split()) for line in screen.splitlines()]
        rows = [line.split() for line in lines]
        return (
            all(title in lines for title in titles)
            and all(any(row[:1] == [rate] and row[-1].endswith("/s") for row in rows) for rate in rates)
            and lines[0].startswith("serving, ")
            and all(text in screen for text in ("2 tenants", "WebSocket, ", "busy", "calm", "50/50", "q quit"))
        )

    top.resize(40, 24)
    top.press("j")
    top.shows("what a narrow one has room for", is_whole)
    top.resize(*SIZE)
    top.shows("the large screen again", ("serving", "busy", "stalled", "q quit"))


def shrinks(top):
    for width, height in TINY:
        top.resize(width, height)
        top.press("j")
        top.draws()
    top.resize(*SIZE)
    top.shows("everything again", ("serving", "busy", "stalled", "q quit"))


def disconnects(top):
    top.press("\tj")
    top.press("x")
    top.shows("the question", ("Disconnect stream", "y: yes"))
    top.press("n")
    top.shows("no question", lambda screen: "Disconnect stream" not in screen and "stalled" in screen)
    top.press("x")
    top.shows("the question again", "Disconnect stream")
    top.press("y")
    top.shows("the stream has gone", lambda screen: "1 stream ended" in screen and "stalled" not in screen)


def outlives_the_gateway(top):
    print("stop the gateway", flush=True)
    top.shows("that it is gone", ("gone", "busy"))
    print("start the gateway", flush=True)
    top.shows("that it is back", lambda screen: "serving" in screen and "gone" not in screen)


def quits(top):
    assert b"\x1b[?1049h" in top.raw, "it takes a screen of its own"
    assert termios.tcgetattr(top.other) != top.before, "it takes keys one by one"
    top.press("q")
    code = top.ended()
    assert code == 0, code
    assert top.raw.rindex(b"\x1b[?1049l") > top.raw.rindex(b"\x1b[?1049h"), "the screen before is back"
    assert top.raw.rfind(b"\x1b[?25h") > top.raw.rfind(b"\x1b[?25l"), "the cursor is shown"
    assert termios.tcgetattr(top.other) == top.before, "the terminal's settings are back"


def main(program, url):
    top = Terminal([program, "top", "--admin", url, "--interval", "200ms"])
    try:
        for step in (watches, sorts, fits_a_small_terminal, fits_a_narrow_terminal, shrinks, disconnects, outlives_the_gateway, quits):
            step(top)
            print(step.__name__, flush=True)
    finally:
        if top.exit_code() is None:
            os.kill(top.pid, signal.SIGKILL)
    print("all is well", flush=True)


main(*sys.argv[1:])
