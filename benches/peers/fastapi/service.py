"""The endpoints as a Python service: FastAPI, paho, one asyncio.Queue per subscriber.

Run it with the port to listen on and the broker's: `python service.py 8080 1883`. It prints `ready` once the broker has
confirmed its subscription. One worker: every further one would hold a copy of every event and a part of the subscribers.
No token is asked for; checking them would come on top.
"""

import asyncio
import contextlib
import json
import sys
from typing import Optional

import paho.mqtt.client as mqtt
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

# Events that a subscriber may lag behind; then it loses the newest, untold.
QUEUE_SIZE = 1000

subscribers: set[asyncio.Queue] = set()


def encode(topic: str, payload: bytes) -> Optional[str]:
    """One event as its subscribers see it, or None if it is no telemetry."""
    levels = topic.split("/")
    try:
        telemetry = json.loads(payload)
        event = {
            "type": "telemetry",
            "device_id": levels[3],
            "tenant_id": levels[1],
            "metrics": telemetry.get("metrics", {}),
            "timestamp": telemetry.get("ts"),
            "topic": topic,
        }
    except (ValueError, IndexError, AttributeError):
        return None
    return json.dumps(event, separators=(",", ":"))


def fan_out(event: str) -> None:
    """Puts the event into every subscriber's queue; on the loop's thread."""
    for queue in subscribers:
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(event)


def listen_to(port: int, loop: asyncio.AbstractEventLoop) -> mqtt.Client:
    """Connects to the broker; paho reads on a thread of its own."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)

    def on_connect(client, _userdata, _flags, _reason, _properties):
        client.subscribe("tenant/+/device/+/telemetry", qos=0)

    def on_subscribe(_client, _userdata, _mid, _reasons, _properties):
        print("ready", flush=True)

    def on_message(_client, _userdata, message):
        event = encode(message.topic, message.payload)
        if event is not None:
            loop.call_soon_threadsafe(fan_out, event)

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


@contextlib.contextmanager
def subscription():
    """A queue that is filled for as long as it is used."""
    queue: asyncio.Queue = asyncio.Queue(QUEUE_SIZE)
    subscribers.add(queue)
    try:
        yield queue
    finally:
        subscribers.discard(queue)


def service(mqtt_port: int) -> FastAPI:
    """The application with its endpoints."""

    @contextlib.asynccontextmanager
    async def life(_app: FastAPI):
        client = listen_to(mqtt_port, asyncio.get_running_loop())
        yield
        client.loop_stop()

    app = FastAPI(lifespan=life)

    @app.websocket("/api/v1/customer/telemetry/stream")
    async def stream(socket: WebSocket):
        # Before the answer goes out: who has read it misses nothing.
        with subscription() as queue, contextlib.suppress(WebSocketDisconnect):
            await socket.accept()
            while True:
                await socket.send_text(await queue.get())

    @app.get("/api/v1/customer/telemetry/stream/sse")
    async def sse():
        async def messages():
            with subscription() as queue:
                while True:
                    yield f"data: {await queue.get()}\n\n"

        return StreamingResponse(messages(), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    listen_port, broker_port = int(sys.argv[1]), int(sys.argv[2])
    # Compression off: uvicorn would deflate every message for every subscriber.
    uvicorn.run(
        service(broker_port),
        host="127.0.0.1",
        port=listen_port,
        log_level="warning",
        access_log=False,
        ws_per_message_deflate=False,
        backlog=4096,
        # Streams that nothing is sent to don't notice that their clients left, and would be waited for.
        timeout_graceful_shutdown=1,
    )
