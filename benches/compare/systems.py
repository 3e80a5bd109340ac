"""The systems that are compared: how each is started, and how the load generator talks to it.

Each runs on the server's core; the broker in front of those that need one, mostly on the other. What they are set to, and why:
`benches/peers/README.md`.
"""

import getpass
import http.client
import resource
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from machine import ROOT
from processes import Broken, Processes, Running, accepts, free_port

PEERS = ROOT / "benches" / "peers"
# At least 32 bytes, and no secret: it signs tokens for a server that lives for seconds.
SECRET = "a-secret-for-comparing-on-loopback-only"
MODULES = "/usr/lib/nginx/modules"


@dataclass
class Setting:
    """What a server is started with."""

    target: Path
    processes: Processes
    transport: str
    server_cores: set[int]
    broker_cores: set[int]
    client_cores: set[int]
    environment: dict[str, str] = field(default_factory=dict)
    # Whether the broker in front of the server sends each message at once (`set_tcp_nodelay`).
    at_once: bool = True

    def program(self, name: str) -> str:
        """A program of this workspace, built for release."""
        return str(self.target / "release" / name)

    def python(self, name: str) -> str:
        """A program of the peers' Python environment."""
        return str(self.target / "peers" / "bin" / name)


@dataclass
class Server:
    """A server that is ready."""

    listen: int
    publish: str
    running: Running


@dataclass(frozen=True)
class System:
    """One of those that are compared."""

    name: str
    title: str
    # By transport, what is asked for; None: what the dialect asks for by itself.
    paths: dict[str, Optional[str]]
    start: Callable[[Setting], Server]
    dialect: str = "bare"
    # May not keep up even with the first phase of a sitting, which it therefore has to itself.
    frail: bool = False


def broker(setting: Setting) -> int:
    """The broker in front of a server; returns its port."""
    port = free_port()
    values = {"MQTT_PORT": port, "USER": getpass.getuser(), "NODELAY": str(setting.at_once).lower()}
    path = setting.processes.write("broker.conf", PEERS / "mosquitto" / "broker.conf", values)
    running = setting.processes.start("broker", [mosquitto(), "-c", str(path)], setting.broker_cores)
    running.wait_until(lambda: accepts(port))
    return port


def mosquitto() -> str:
    """Debian does not put it where everybody looks."""
    found = shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
    if found is None:
        raise Broken("mosquitto is not installed")
    return found


def serve(setting: Setting, name: str, command: list[str], **environment: str) -> Running:
    """Starts the server itself."""
    return setting.processes.start(name, command, setting.server_cores, {**environment, **setting.environment})


def start_floodway(setting: Setting, **more: str) -> Server:
    port, mqtt = free_port(), broker(setting)
    running = serve(
        setting,
        "floodway",
        [setting.program("floodway"), "serve"],
        FLOODWAY_LISTEN=f"127.0.0.1:{port}",
        FLOODWAY_ADMIN_LISTEN="127.0.0.1:0",
        FLOODWAY_JWT_SECRET=SECRET,
        MQTT_HOST="127.0.0.1",
        MQTT_PORT=str(mqtt),
        MAX_STREAM_CONNECTIONS_PER_TENANT="0",
        FLOODWAY_SHARD_COUNT="1",
        FLOODWAY_LOG="warn",
        **more,
    )
    running.wait_until(lambda: answers_ready(port))
    return Server(port, f"mqtt://127.0.0.1:{mqtt}", running)


def start_floodway_uring(setting: Setting) -> Server:
    return start_floodway(setting, FLOODWAY_SHARD_WRITES="io_uring")


def answers_ready(port: int) -> bool:
    """Whether floodway's `/readyz` is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def start_floor(*flags: str) -> Callable[[Setting], Server]:
    def start(setting: Setting) -> Server:
        port, mqtt = free_port(), broker(setting)
        command = [setting.program("floor"), "--listen", f"127.0.0.1:{port}"]
        command += ["--source", f"mqtt://127.0.0.1:{mqtt}", "--transport", setting.transport, *flags]
        running = serve(setting, "floor", command)
        running.wait_until(lambda: running.has_said("ready"))
        return Server(port, f"mqtt://127.0.0.1:{mqtt}", running)

    return start


def start_mosquitto(setting: Setting) -> Server:
    port, mqtt = free_port(), free_port()
    values = {"LISTEN_PORT": port, "MQTT_PORT": mqtt, "USER": getpass.getuser()}
    path = setting.processes.write("mosquitto.conf", PEERS / "mosquitto" / "mosquitto.conf", values)
    running = serve(setting, "mosquitto", [mosquitto(), "-c", str(path)])
    running.wait_until(lambda: accepts(port) and accepts(mqtt))
    return Server(port, f"mqtt://127.0.0.1:{mqtt}", running)


def start_nchan(setting: Setting) -> Server:
    port = free_port()
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    values = {
        "LISTEN_PORT": port,
        "MODULES": MODULES,
        "OPEN_FILES": open_files,
        "USER": getpass.getuser(),
        "FOLDER": setting.processes.folder,
    }
    path = setting.processes.write("nginx.conf", PEERS / "nchan" / "nginx.conf", values)
    running = serve(setting, "nginx", ["/usr/sbin/nginx", "-p", str(setting.processes.folder), "-c", str(path)])
    running.wait_until(lambda: accepts(port) and len(running.pids()) > 1)
    return Server(port, f"http://127.0.0.1:{port}/publish", running)


def start_nats(setting: Setting) -> Server:
    port, publish = free_port(), free_port()
    values = {"LISTEN_PORT": port, "PUBLISH_PORT": publish}
    path = setting.processes.write("nats.conf", PEERS / "nats" / "nats.conf", values)
    running = serve(setting, "nats-server", [setting.python("nats-server"), "-c", str(path)], GOMAXPROCS="1")
    running.wait_until(lambda: accepts(port) and accepts(publish))
    return Server(port, f"nats://127.0.0.1:{publish}", running)


def start_axum(setting: Setting) -> Server:
    port, mqtt = free_port(), broker(setting)
    command = [setting.program("floodway-peer-axum"), "--listen", f"127.0.0.1:{port}", "--mqtt-port", str(mqtt)]
    running = serve(setting, "axum", command)
    running.wait_until(lambda: running.has_said("ready") and accepts(port))
    return Server(port, f"mqtt://127.0.0.1:{mqtt}", running)


def start_fastapi(setting: Setting) -> Server:
    port, mqtt = free_port(), broker(setting)
    service = str(PEERS / "fastapi" / "service.py")
    running = serve(setting, "fastapi", [setting.python("python"), service, str(port), str(mqtt)])
    running.wait_until(lambda: running.has_said("ready") and accepts(port))
    return Server(port, f"mqtt://127.0.0.1:{mqtt}", running)


FIELD = "/api/v1/customer/telemetry/stream"
BOTH = {"ws": "/", "sse": "/"}

# In the order in which the tables name them.
SYSTEMS = [
    System("floor", "floor: `write`", BOTH, start_floor()),
    System("floor-batch", "floor: 64 frames a `write`", BOTH, start_floor("--batch", "64")),
    System("floor-uring", "floor: io_uring", BOTH, start_floor("--engine", "uring")),
    System("floodway", "**floodway**", {"ws": None, "sse": None}, start_floodway, dialect="floodway"),
    System("floodway-uring", "floodway: io_uring", {"ws": None}, start_floodway_uring, dialect="floodway"),
    System("mosquitto", "mosquitto", {"ws": "/mqtt"}, start_mosquitto, dialect="mqtt"),
    System("nchan", "nginx + nchan", {"ws": "/ws", "sse": "/sse"}, start_nchan),
    System("nats", "NATS", {"ws": "/"}, start_nats, dialect="nats"),
    System("axum", "axum + broadcast", {"ws": "/ws", "sse": "/sse"}, start_axum),
    System("fastapi", "FastAPI + paho", {"ws": FIELD, "sse": f"{FIELD}/sse"}, start_fastapi, frail=True),
]
BY_NAME = {system.name: system for system in SYSTEMS}
# Those that the targets are about.
OURS = [name for name in BY_NAME if name.startswith(("floor", "floodway"))]
