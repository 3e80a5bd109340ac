"""Drives clients/python from a test.

Usage: stream_console.py '{"url":…,"options":{…},"token_file":…}'

Commands come as lines of JSON on stdin, {"do":"subscribe","devices":["A"]}, and each message goes out as one. At the end:
{"type":"end"}, or {"type":"failed","code":…,"reason":…,"retryable":…} for a StreamError.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "clients/python"))

from floodway import StreamError, connect


def show(message):
    print(json.dumps(message), flush=True)


async def obey(stream):
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        command = json.loads(line)
        await getattr(stream, command.pop("do"))(**command)


async def main(url, token_file, options=None):
    # Read anew for each token, so that a test can change it.
    token = lambda: Path(token_file).read_text().strip()
    try:
        async with connect(url, token=token, **(options or {})) as stream:
            obeying = asyncio.create_task(obey(stream))
            async for message in stream:
                show(message)
            obeying.cancel()
            await asyncio.wait([obeying])
        show({"type": "end"})
    except StreamError as error:
        obeying.cancel()
        show({"type": "failed", "code": error.code, "reason": error.reason, "retryable": error.retryable})
    left = asyncio.all_tasks() - {asyncio.current_task(), obeying}
    assert not left, left


asyncio.run(main(**json.loads(sys.argv[1])))
