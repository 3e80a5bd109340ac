"""A stream from its handshake to its close, with Python's `websockets` and Debian's `mosquitto_pub`.

Usage: websocket_client.py URL TOKEN TENANT MQTT_PORT
"""

import asyncio
import json
import subprocess
import sys

import websockets

DEADLINE_SECONDS = 30


def publish(port, tenant, device, payload):
    topic = f"tenant/{tenant}/device/{device}/telemetry"
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", topic, "-m", payload]
    subprocess.run(command, check=True, timeout=DEADLINE_SECONDS)


async def message(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), DEADLINE_SECONDS))


async def ask(socket, **action):
    await socket.send(json.dumps(action))
    return await message(socket)


async def live_stream(url, token, tenant, port):
    """A browser's way: the token is a subprotocol."""
    protocols = ["floodway.v1", f"bearer.{token}"]
    async with websockets.connect(url + "?device_id=A", subprotocols=protocols) as socket:
        assert socket.subprotocol == "floodway.v1", socket.subprotocol
        connected = await message(socket)
        assert connected["type"] == "connected", connected
        assert connected["filters"]["device_ids"] == ["A"], connected

        publish(port, tenant, "B", '{"metrics":{"n":1}}')
        publish(port, tenant, "A", '{"metrics":{"n":2}}')
        event = await message(socket)
        assert (event["device_id"], event["metrics"]) == ("A", {"n": 2}), event

        assert await ask(socket, action="ping") == {"type": "pong"}
        answer = await ask(socket, action="subscribe", device_id="B")
        assert answer == {"type": "subscribed", "device_id": "B"}, answer
        publish(port, tenant, "B", '{"metrics":{"n":3}}')
        assert (await message(socket))["metrics"] == {"n": 3}
        await asyncio.wait_for(await socket.ping(b"alive?"), DEADLINE_SECONDS)
        print("live stream")


async def refused(url, query, code, reason):
    async with websockets.connect(url + query) as socket:
        try:
            await message(socket)
        except websockets.exceptions.ConnectionClosed as closed:
            assert closed.rcvd is not None, "closed without a close frame"
            assert (closed.rcvd.code, closed.rcvd.reason) == (code, reason), closed
            print("refused with", code)
        else:
            raise AssertionError(f"not refused: {query}")


async def main(url, token, tenant, port):
    await live_stream(url, token, tenant, port)
    await refused(url, "", 4001, "Missing token parameter")
    await refused(url, "?token=bad", 4001, "Invalid or expired token")
    print("all is well")


asyncio.run(main(*sys.argv[1:]))
