"""Why connections end: the gateway's table, and how long to stay away."""

import re
import unittest
from pathlib import Path

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from floodway.errors import BACKOFF_SECONDS, BUSY_SECONDS, StreamError, error_of, pause

PROTOCOL = Path(__file__).parents[3] / "docs/protocol.md"
ROW = re.compile(r"\| `(?P<label>\w+)` \| (?P<codes>[\d, ]+|–|its own, or 1000) \| (?P<statuses>[\d, ]+|–) \| (?P<retry>yes|no) \|")


def closed(code, reason=""):
    return error_of(ConnectionClosedError(Close(code, reason), None))


def status(code, **headers):
    return error_of(InvalidStatus(Response(code, "", Headers(headers))))


def numbers(cell):
    return [int(number) for number in re.findall(r"\d{3,}", cell)]


class Meaning(unittest.TestCase):
    def test_codes_and_statuses_are_retried_as_the_protocol_says(self):
        rows = list(ROW.finditer(PROTOCOL.read_text()))
        self.assertGreater(len(rows), 15)
        for row in rows:
            # A stream that the client closed itself does not come back; who reads 1000 did not close it.
            if row["label"] != "closed":
                for end in [closed(code) for code in numbers(row["codes"])] + [status(code) for code in numbers(row["statuses"])]:
                    self.assertEqual(end.retryable, row["retry"] == "yes", f"{row['label']}: {end}")

    def test_the_reason_is_the_gateways_own_sentence(self):
        error = closed(4029, "Max streaming connections (10) reached for tenant")
        self.assertEqual((error.code, error.reason), (4029, "Max streaming connections (10) reached for tenant"))
        self.assertEqual(str(error), "Max streaming connections (10) reached for tenant (4029)")

    def test_a_lost_connection_is_worth_another_try_and_a_message_too_large_is_not(self):
        self.assertTrue(error_of(ConnectionClosedError(None, None)).retryable)
        self.assertTrue(error_of(ConnectionClosedError(None, Close(1002, "invalid opcode"))).retryable)
        self.assertTrue(error_of(ConnectionRefusedError("refused")).retryable)
        self.assertFalse(error_of(ConnectionClosedError(None, Close(1009, "too big"))).retryable)


class Pause(unittest.TestCase):
    def test_it_is_spread_over_a_time_that_doubles_up_to_a_bound(self):
        first, last = BACKOFF_SECONDS
        for attempt, longest in ((1, first), (2, 2 * first), (4, 8 * first), (50, last), (10**6, last)):
            pauses = [pause(error_of(OSError("gone")), attempt) for _ in range(1000)]
            self.assertLessEqual(max(pauses), longest)
            self.assertGreater(max(pauses), longest / 2)
            self.assertLess(min(pauses), longest / 2)

    def test_it_is_as_long_as_the_gateway_asks_for(self):
        self.assertGreaterEqual(pause(status(503, **{"Retry-After": "7"}), 1), 7)
        self.assertGreaterEqual(pause(closed(1013), 1), BUSY_SECONDS)
        self.assertGreaterEqual(pause(status(429, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), 1), BUSY_SECONDS)

    def test_an_error_of_ones_own_passes_unchanged(self):
        error = StreamError(401, "Logged out", retryable=False)
        self.assertIs(error_of(error), error)


if __name__ == "__main__":
    unittest.main()
