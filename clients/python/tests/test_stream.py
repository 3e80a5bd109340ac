"""A stream against a server that does what no gateway does at one's wish: end when it should not, or say too much."""

import asyncio
import json
import logging
import time
import unittest
from contextlib import asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import websockets

from floodway import StreamError, connect, errors, stream
from floodway.filters import NO_GROUP

DEADLINE_SECONDS = 30
LOOK_SECONDS = 0.01  # between two looks at a condition

# A server that is left in the middle of something says so at length.
logging.getLogger("websockets.server").setLevel(logging.CRITICAL)


def connected(last_event_id="0", lives=3600.0, groups=()):
    expires_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lives))
    filters = {"device_ids": [], "group_ids": list(groups), "metric_names": [], "all_devices": True}
    message = {"type": "connected", "tenant_id": "T", "filters": filters, "expires_at": expires_at, "last_event_id": last_event_id}
    return json.dumps(message)


def event(number, metrics="{}"):
    return f'{{"type":"telemetry","device_id":"A","metrics":{metrics},"id":"{number}"}}'


class Server:
    """Lives each connection after the script that the test gives for it, and keeps what it was asked."""

    def __init__(self, *scripts):
        self.scripts, self.queries, self.tokens = list(scripts), [], []

    async def live(self, socket):
        self.queries.append(parse_qs(urlsplit(socket.request.path).query, keep_blank_values=True))
        self.tokens.append(socket.request.headers["Authorization"])
        await self.scripts.pop(0)(socket)

    @asynccontextmanager
    async def runs(self, **options):
        # Pings of its own would end a client that does not read.
        async with websockets.serve(self.live, "127.0.0.1", 0, ping_interval=None, **options) as server:
            self.server = server
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def stays(socket):
    await socket.send(connected())
    await socket.wait_closed()


def says(*messages, code=1012):
    async def script(socket):
        for message in messages:
            await socket.send(message)
        await socket.close(code)

    return script


async def read_until(reader, wanted):
    """The messages up to the first of that type or state."""
    messages = []
    async for message in reader:
        messages.append(message)
        if wanted in (message["type"], message.get("state")):
            break
    return messages


class Case(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        for change in (mock.patch.object(errors, "BACKOFF_SECONDS", (0.01, 0.05)), mock.patch.object(errors, "BUSY_SECONDS", 0.0)):
            change.start()
            self.addCleanup(change.stop)

    def nothing_is_left(self):
        left = [task for task in asyncio.all_tasks() if task.get_coro().cr_code.co_filename == stream.__file__]
        self.assertEqual(left, [])


class Reconnect(Case):
    async def test_it_goes_on_behind_the_last_id_with_a_fresh_token(self):
        tokens = iter(["one", "two\n", "three"])
        server = Server(says(connected("7")), says(connected("7"), event(9)), stays)

        async def token():
            return next(tokens)

        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token=token) as reader:
            for _ in range(3):
                await read_until(reader, "connected")
        self.assertEqual([query["last_event_id"] for query in server.queries], [[""], ["7"], ["9"]])
        self.assertEqual(server.tokens, ["Bearer one", "Bearer two", "Bearer three"])
        self.assertEqual(reader.last_event_id, "0", "of what was read last")
        self.nothing_is_left()

    async def test_actions_that_were_not_answered_are_sent_again_in_their_order(self):
        asked = []

        async def deaf(socket):
            await socket.send(connected())
            await socket.recv()
            await socket.close(1012)

        async def answers(socket):
            await socket.send(connected(groups=[NO_GROUP]))
            async for text in socket:
                asked.append(json.loads(text))
                await socket.send('{"type":"error"}' if "metrics" in asked[-1] else '{"type":"unsubscribed"}')

        server = Server(deaf, answers, stays)
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url:
            async with connect(url, token="T", devices=["A"]) as reader:
                await read_until(reader, "connected")
                await reader.unsubscribe(devices="A")
                await reader.set_metrics(["too many"])
                again = (await read_until(reader, "connected"))[-1]
                await read_until(reader, "unsubscribed")
                await read_until(reader, "error")
                self.assertEqual([action["action"] for action in asked], ["unsubscribe", "set_metrics"])
                for socket in server.server.connections:
                    await socket.close(1012)
                await read_until(reader, "connected")
        self.assertEqual(again["filters"]["group_ids"], [], "what stands for nothing is not shown")
        self.assertEqual([query.get("group_id") for query in server.queries], [None, [NO_GROUP], [NO_GROUP]])
        self.assertNotIn("metric", server.queries[2], "an action that was refused changes nothing")

    async def test_it_comes_back_when_the_gateway_says(self):
        server = Server(says(connected(), '{"type":"reconnect","after_ms":300}'), stays)
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token="T") as reader:
            waits = (await read_until(reader, "waiting"))[-1]
            self.assertEqual((waits["code"], waits["attempt"]), (1012, 1))
            self.assertTrue(0 < waits["retryInMs"] <= 300, waits)
            await read_until(reader, "connected")

    async def test_silence_is_the_end_of_a_connection(self):
        server = Server(stays, stays)
        with mock.patch.object(stream, "SILENCE_SECONDS", 0.05):
            async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token="T") as reader:
                self.assertEqual((await read_until(reader, "waiting"))[-1]["reason"], "Nothing came in time")
                await read_until(reader, "connected")


class Tokens(Case):
    async def test_one_is_renewed_before_it_expires_and_what_a_callback_raises_is_tried_again(self):
        tokens, given = iter(["first", OSError("no network"), "second"]), []

        def token():
            given.append(next(tokens))
            if isinstance(given[-1], Exception):
                raise given[-1]
            return given[-1]

        async def renews(socket):
            await socket.send(connected(lives=30))
            refresh = json.loads(await socket.recv())
            await socket.send(json.dumps({"type": "refreshed", "expires_at": "2999-01-01T00:00:00Z", "by": refresh["token"]}))
            await socket.wait_closed()

        server = Server(renews)
        with mock.patch.multiple(stream, RENEW_AT=(0.001, 0.002), RENEW_MIN_SECONDS=0.01):
            async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token=token) as reader:
                self.assertEqual((await read_until(reader, "refreshed"))[-1]["by"], "second")
        self.assertEqual(len(given), 3)
        self.nothing_is_left()

    async def test_a_token_that_is_refused_is_replaced_once(self):
        for token, connections in (("T", 1), (lambda: "T", 2)):
            server = Server(*[says(code=4001)] * connections)
            async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token=token) as reader:
                with self.assertRaises(StreamError) as raised:
                    await read_until(reader, "connected")
                self.assertEqual((raised.exception.code, raised.exception.retryable), (4001, False))
                self.assertEqual([message async for message in reader], [], "it is told once")
            self.assertEqual(len(server.tokens), connections)

    async def test_a_callback_ends_the_stream_if_it_says_so(self):
        def token():
            raise StreamError(401, "Logged out", retryable=False)

        async with asyncio.timeout(DEADLINE_SECONDS), connect("http://127.0.0.1:1", token=token) as reader:
            # A code that asks for a fresh token: there is one more try.
            with self.assertRaisesRegex(StreamError, "Logged out"):
                await read_until(reader, "connected")

    async def test_a_redirect_is_not_followed(self):
        target = Server(stays)
        async with asyncio.timeout(DEADLINE_SECONDS), target.runs() as elsewhere:

            def redirect(connection, request):
                response = connection.respond(HTTPStatus.FOUND, "")
                response.headers["Location"] = elsewhere.replace("http", "ws")
                return response

            async with Server().runs(process_request=redirect) as url, connect(url, token="T") as reader:
                with self.assertRaises(StreamError) as raised:
                    await read_until(reader, "connected")
        self.assertEqual((raised.exception.code, raised.exception.retryable), (302, False))
        self.assertEqual(target.tokens, [])


class Reading(Case):
    async def test_a_reader_that_stands_still_stops_the_socket(self):
        sent, payload = [], json.dumps("x" * 100_000)

        async def floods(socket):
            await socket.send(connected())
            for number in range(1, 2000):
                await socket.send(event(number, payload))
                sent.append(number)

        server = Server(floods)
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs(compression=None) as url, connect(url, token="T") as reader:
            await read_until(reader, "connected")
            while reader._socket.transport.is_reading():
                await asyncio.sleep(LOOK_SECONDS)
            # 200 MB would be more than the buffers of two sockets.
            self.assertLess(len(sent), 1999)
            read = [message["id"] for message in await read_until(reader, "waiting") if message["type"] == "telemetry"]
        self.assertEqual(read, [str(number) for number in range(1, 2000)])

    async def test_any_integer_of_a_device_is_read(self):
        digits = "9" * 5000
        server = Server(says(connected(), event(1, f'{{"n":{digits},"m":123456789012345678901234567890}}')))
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token="T") as reader:
            metrics = (await read_until(reader, "telemetry"))[-1]["metrics"]
        self.assertEqual(metrics, {"n": Decimal(digits), "m": 123456789012345678901234567890})

    async def test_who_is_cancelled_while_waiting_reads_on_later(self):
        async def waits(socket):
            await socket.send(connected())
            await socket.recv()
            await says(event(1))(socket)

        server = Server(waits)
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url, connect(url, token="T") as reader:
            await read_until(reader, "connected")
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.01)
            await reader.clear_filters()
            self.assertEqual((await anext(reader))["id"], "1")
        self.nothing_is_left()

    async def test_close_ends_the_iteration_wherever_it_is(self):
        server = Server(stays)
        async with asyncio.timeout(DEADLINE_SECONDS), server.runs() as url:
            for address in (url, "http://127.0.0.1:1"):
                async with connect(address, token="T") as reader:
                    await read_until(reader, "connecting")
                    reading = asyncio.create_task(read_until(reader, "closed"))
                    await asyncio.sleep(0)
                    await reader.close()
                    self.assertEqual((await reading)[-1]["state"], "closed")
                    self.assertEqual([message async for message in reader], [])
                self.nothing_is_left()


class Arguments(unittest.TestCase):
    def test_an_address_that_is_none_is_refused_at_once(self):
        for address in ("telemetry.example.com", "mqtt://example.com", "https://"):
            with self.assertRaisesRegex(ValueError, "not the address of a gateway"):
                connect(address, token="T")


if __name__ == "__main__":
    unittest.main()
