"""Live telemetry from a floodway gateway. Begin with `connect`."""

from .errors import StreamError
from .stream import Message, Stream, Token

connect = Stream
__all__ = ["Message", "Stream", "StreamError", "Token", "connect"]
