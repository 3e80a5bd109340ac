"""Why a connection, or a whole stream, has ended, and how long to stay away."""

import random

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close

LOST, TOO_LARGE = Close(1006, "Connection lost"), 1009  # of RFC 6455: without a close frame; a message beyond a bound
RETRYABLE = frozenset({408, 425, 429, 1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4008, 4029})
TOKEN_REFUSED = frozenset({401, 4001})
BUSY = frozenset({429, 503, 1012, 1013, 4029})
BUSY_SECONDS = 2.0  # the shortest pause before a gateway is asked again that is full, or drains, and names no time
BACKOFF_SECONDS = (1.0, 30.0)  # the longest pause at first, and at last: it doubles with each try


class StreamError(Exception):
    """Why a stream has ended. `code` is the WebSocket's close code, or an HTTP status; 0 where there is neither.

    `retryable` says whether the same request may go better later. A stream does that by itself: what it raises is final.
    """

    def __init__(self, code: int, reason: str, *, retryable: bool, retry_after: float = 0.0) -> None:
        super().__init__(f"{reason} ({code})" if code else reason)
        self.code, self.reason, self.retryable, self.retry_after = code, reason, retryable, retry_after


def error_of(raised: Exception) -> StreamError:
    """What the end of a connection means."""
    if isinstance(raised, ConnectionClosed):
        close = raised.rcvd or (raised.sent if raised.sent and raised.sent.code == TOO_LARGE else LOST)
        return StreamError(close.code, close.reason or "Closed", retryable=close.code in RETRYABLE)
    if isinstance(raised, InvalidStatus):
        status, after = raised.response.status_code, raised.response.headers.get("Retry-After", "")
        retryable, retry_after = status in RETRYABLE or 500 <= status < 600, float(after) if after.isdecimal() else 0.0
        return StreamError(status, "No WebSocket was opened", retryable=retryable, retry_after=retry_after)
    error = StreamError(0, str(raised) or "Nothing came in time", retryable=True)
    return raised if isinstance(raised, StreamError) else error


def pause(error: StreamError, attempt: int) -> float:
    """Full jitter: clients that lost one gateway together come back spread over the whole time, and none too early."""
    least = error.retry_after or (BUSY_SECONDS if error.code in BUSY else 0.0)
    return least + random.uniform(0, min(BACKOFF_SECONDS[0] * 2.0 ** min(attempt - 1, 16), BACKOFF_SECONDS[1]))
