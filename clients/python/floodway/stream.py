"""A stream that outlives its connections."""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import reduce
from ssl import SSLContext
from time import monotonic, time
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import websockets

from .errors import TOKEN_REFUSED, StreamError, error_of, pause
from .filters import NO_GROUP, Filters, changed, named, query

Message = dict[str, Any]
Token = str | Callable[[], str | Awaitable[str]]
PATH = "/api/v1/customer/telemetry/stream"
SILENCE_SECONDS = 65  # more than twice what the gateway lets pass without a ping
STABLE_SECONDS = 10  # a connection that lived so long ends a row of failed tries
RENEW_AT, RENEW_MIN_SECONDS = (0.6, 0.8), 1.0  # between these parts of a token's remaining life the next one is fetched
MESSAGES = 64  # that wait for the reader, besides those below; beyond them nothing is read from the socket
# Of one connection. It sends no pings: whoever does not read is not dead, and the gateway's policy decides.
BOUNDS: Any = {"close_timeout": 2, "max_size": 16 * 1024 * 1024, "max_queue": 16, "ping_interval": None}
INT_DIGITS = 4000  # a longer integer is no int, which Python refuses to make, but a Decimal
ANSWERS = ("subscribed", "unsubscribed", "metrics_updated", "filters_cleared", "error")


class Stream(AsyncIterator[Message]):
    """Messages of the gateway as they are, and `{"type": "state", …}` of its own where the connection changes.

    `token` is one, or a function, async or not, that gives a fresh one. No devices and no groups: all of the tenant; no
    metrics: all. With the `last_event_id` of an earlier stream this one goes on behind it.
    """

    def __init__(
        self, base_url: str, *, token: Token, devices: Iterable[str] = (), groups: Iterable[str] = (),
        metrics: Iterable[str] = (), snapshot: bool = False, max_rate: float | None = None, overflow: str | None = None,
        last_event_id: str = "", tenant: str | None = None, ssl: SSLContext | None = None,
    ) -> None:  # fmt: skip
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https", "ws", "wss") or not url.hostname:
            raise ValueError(f"{base_url!r} is not the address of a gateway, such as https://telemetry.example.com")
        scheme = "wss" if url.scheme in ("https", "wss") else "ws"
        self._ssl = (ssl or True) if scheme == "wss" else None
        self._url = f"{scheme}://{url.netloc}{url.path.rstrip('/')}{PATH}"
        options = {"tenant": tenant, "max_rate": max_rate, "overflow": overflow, "snapshot": "true" if snapshot else None}
        self._options = {name: value for name, value in options.items() if value is not None}
        self._token, self._is_token_refused = token, False
        self._filters: Filters = named(devices, groups, metrics)  # that the gateway holds
        self._unanswered: deque[Message] = deque()  # the actions that it has yet to answer, in order
        self.last_event_id = self._arrived_id = last_event_id  # the first: of what was read, to go on there another time
        self._queue: asyncio.Queue[Message | Exception | None] = asyncio.Queue(MESSAGES)
        self._sending = asyncio.Lock()
        self._socket: websockets.ClientConnection | None = None  # behind `connected`
        self._task: asyncio.Task[None] | None = None
        self._end_renewal: Callable[[], object] = lambda: None
        self._attempt, self._opened_at, self._return_at = 0, float("inf"), 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def __anext__(self) -> Message:
        item = await self._queue.get()
        if not isinstance(item, dict):
            self._queue.put_nowait(None)  # whoever asks again
            raise item or StopAsyncIteration
        self.last_event_id = item.get("id") or item.get("last_event_id") or self.last_event_id
        return item

    async def subscribe(self, *, devices: Iterable[str] = (), groups: Iterable[str] = (), snapshot: bool = False) -> None:
        """Wants these, too; if it was everything: these only. With `snapshot` their last events come at once."""
        for key, listed in named(devices, groups).items():
            await self._act({"action": "subscribe", key: listed, "snapshot": snapshot})

    async def unsubscribe(self, *, devices: Iterable[str] = (), groups: Iterable[str] = ()) -> None:
        """Wants these no more. Who gives up the last one gets nothing; `clear_filters` leads back to everything."""
        for key, listed in named(devices, groups).items():
            await self._act({"action": "unsubscribe", key: listed})

    async def set_metrics(self, metrics: Iterable[str]) -> None:
        """Narrows events to these metrics; none: all again."""
        await self._act({"action": "set_metrics", "metrics": (), **named((), (), metrics)})

    async def clear_filters(self) -> None:
        """Wants every device and every metric."""
        await self._act({"action": "clear_filters"})

    async def close(self) -> None:
        """Ends the stream, and with it the iteration. Nothing of it is left behind."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        while not self._queue.empty():
            self._queue.get_nowait()
        await self._say("closed")
        self._queue.put_nowait(None)

    async def _act(self, action: Message) -> None:
        """Sends it now, or as soon as there is a connection; and again if that is lost before the answer."""
        query(changed(self._wanted(), action))  # fits
        self._unanswered.append(action)
        if self._socket:
            await self._send(self._socket, [action])

    async def _send(self, socket: websockets.ClientConnection, actions: Iterable[Message]) -> None:
        async with self._sending:  # in the order in which they are to be answered
            for action in actions:
                with suppress(websockets.ConnectionClosed):  # whoever reads is told
                    await socket.send(json.dumps(action))

    def _wanted(self) -> Filters:
        """What holds once all is answered; but a snapshot comes only of devices that the stream did not want before."""
        return reduce(changed, (action for action in self._unanswered if not action.get("snapshot")), self._filters)

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._connection()
                except (StreamError, OSError, websockets.WebSocketException) as raised:
                    await self._come_back(error_of(raised))
        except Exception as error:
            await self._say("closed", code=error_of(error).code, reason=error_of(error).reason)
            await self._queue.put(error)

    async def _connection(self) -> None:
        """One connection, until it is lost."""
        await self._say("connecting")
        self._opened_at, self._return_at = float("inf"), 0.0
        headers = {"Authorization": f"Bearer {await self._fresh_token()}"}
        parameters = urlencode({"last_event_id": self._arrived_id, **self._options, **query(self._wanted())})
        socket = await _Connection(f"{self._url}?{parameters}", additional_headers=headers, ssl=self._ssl, **BOUNDS)
        try:
            while True:
                async with asyncio.timeout(SILENCE_SECONDS):
                    text = await socket.recv()
                message = json.loads(text, parse_int=lambda n: int(n) if len(n) <= INT_DIGITS else Decimal(n))
                await self._take(message, socket)
                await self._queue.put(message)
        finally:
            self._socket = None
            self._end_renewal()
            await socket.close()

    async def _take(self, message: Message, socket: websockets.ClientConnection) -> None:
        kind, self._arrived_id = message["type"], message.get("id") or message.get("last_event_id") or self._arrived_id
        if kind in ("connected", "refreshed") and not isinstance(self._token, str):
            self._end_renewal = asyncio.create_task(self._renew(socket, message["expires_at"])).cancel
        if kind == "connected":
            message["filters"]["group_ids"] = [name for name in message["filters"]["group_ids"] if name != NO_GROUP]
            self._opened_at, self._is_token_refused = monotonic(), False
            await self._say("open")
            self._socket = socket
            await self._send(socket, list(self._unanswered))
        elif kind == "reconnect":
            self._return_at = monotonic() + message["after_ms"] / 1000
        elif kind in ANSWERS and self._unanswered:
            action = self._unanswered.popleft()
            self._filters = self._filters if kind == "error" else changed(self._filters, action)

    async def _come_back(self, error: StreamError) -> None:
        """Waits as long as is right after such an end, or raises it if it is final."""
        self._attempt = 1 if monotonic() - self._opened_at >= STABLE_SECONDS else self._attempt + 1
        seconds = max(0.0, self._return_at - monotonic()) if self._return_at else pause(error, self._attempt)
        if not error.retryable:
            if error.code not in TOKEN_REFUSED or isinstance(self._token, str) or self._is_token_refused:
                raise error
            self._is_token_refused = True  # once: if a fresh one is refused as well, all will be
        await self._say("waiting", retryInMs=round(seconds * 1000), code=error.code, reason=error.reason)
        await asyncio.sleep(seconds)

    async def _say(self, state: str, **more: Any) -> None:
        await self._queue.put({"type": "state", "state": state, "attempt": self._attempt, **more})

    async def _fresh_token(self) -> str:
        try:
            given = self._token if isinstance(self._token, str) else self._token()
            return (given if isinstance(given, str) else await given).strip()
        except Exception as error:
            raise error if isinstance(error, StreamError) else StreamError(0, f"No token: {error!r}", retryable=True)

    async def _renew(self, socket: websockets.ClientConnection, expires_at: str) -> None:
        # If a token that was taken just now is over by this clock, the clock is wrong: the gateway will tell the end.
        while (left := datetime.fromisoformat(expires_at).timestamp() - time()) > 0:
            await asyncio.sleep(max(RENEW_MIN_SECONDS, left * random.uniform(*RENEW_AT)))
            with suppress(StreamError):  # if there is none yet, once more before the end
                return await self._send(socket, [{"action": "refresh", "token": await self._fresh_token()}])


class _Connection(websockets.connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc  # a token goes to the address that was given, and to no other
