"""Holds messages that were seen on the wire against the JSON Schemas.

Usage: check_messages.py SCHEMAS_FOLDER SEEN_FILE

Each line of the file is {"place", "from", "transport", "text"}: who sent the text, in which example. The schemas are open for keys
of later versions; here they are closed, so that a key that they do not know is a fault of theirs.
"""

import copy
import json
import pathlib
import sys

from schemas import OVER_SSE, Schemas


# What each message is checked against, and the members of unions that must be seen somewhere, by their transports.
FROM = {"gateway": "stream.json#/$defs/fromGateway", "client": "stream.json#/$defs/fromClient"}
BODIES = ["refused", "streamStatus", "alive", "ready", "unready"]


def told_apart(schemas, validator, definitions, message):
    """The one definition that describes the message."""
    fitting = [name for name in definitions if schemas.validator(f"stream.json#/$defs/{name}", schemas.closed).is_valid(message)]
    assert len(fitting) == 1, f"{message} is described by {fitting}"
    return fitting[0]


def refuses_less(validator, message):
    """A message without one of its keys, or with one more, or with another type, is another one."""
    spared = {"options", "id", "snapshot", "down"}
    for key in message.keys() - spared:
        less = {name: value for name, value in message.items() if name != key}
        assert not validator.is_valid(less), f"{less} lacks {key} and is valid"
    more = copy.deepcopy(message) | {"more": 1}
    assert not validator.is_valid(more), f"{more} has a key too many and is valid"


def check_gateway(schemas, seen, known):
    validator = schemas.validator(FROM["gateway"], schemas.closed)
    message = json.loads(seen["text"])
    for fault in validator.iter_errors(message):
        raise AssertionError(f"{seen['place']}: {seen['text']}: {fault.message}: {[it.message for it in fault.context]}")
    known.add((told_apart(schemas, validator, schemas.definitions("fromGateway"), message), seen["transport"]))
    refuses_less(validator, message)
    return message


def check_client(schemas, seen, answer, known):
    """What the schema takes the gateway takes, and what it refuses is answered with an error."""
    validator = schemas.validator(FROM["client"], schemas.open)
    try:
        message = json.loads(seen["text"])
    except ValueError:
        assert answer == "error", f"{seen['place']}: {seen['text']} is answered with {answer}"
        return
    is_taken = answer != "error"
    assert validator.is_valid(message) == is_taken, f"{seen['place']}: {seen['text']} is answered with {answer}"
    if is_taken:
        name = [it for it in schemas.definitions("fromClient") if schemas.validator(f"stream.json#/$defs/{it}", schemas.open).is_valid(message)]
        known.update((it, "websocket") for it in name)


def check_body(schemas, seen, known):
    message = json.loads(seen["text"])
    fitting = [it for it in BODIES if schemas.validator(f"http.json#/$defs/{it}", schemas.closed).is_valid(message)]
    assert len(fitting) == 1, f"{seen['place']}: {seen['text']} is described by {fitting}"
    known.add((fitting[0], "http"))


def answer_to(following):
    """The type of the first answer among the messages that follow; none if the stream ends instead."""
    notices = {"connected", "telemetry", "gap", "upstream", "reconnect", "ping"}
    for seen in following:
        if seen["from"] == "gateway" and seen["transport"] == "websocket":
            kind = json.loads(seen["text"])["type"]
            if kind not in notices:
                return kind
    return None


def main(folder, file):
    schemas, known = Schemas(folder), set()
    every = [json.loads(line) for line in pathlib.Path(file).read_text().splitlines()]
    for at, seen in enumerate(every):
        if seen["transport"] == "http":
            check_body(schemas, seen, known)
        elif seen["from"] == "gateway":
            check_gateway(schemas, seen, known)
        elif seen["from"] == "client":
            check_client(schemas, seen, answer_to(it for it in every[at:] if it["place"] == seen["place"]), known)
        else:
            assert schemas.validator("mqtt.json#/$defs/payload", schemas.open).is_valid(json.loads(seen["text"])), seen

    wanted = {(name, "websocket") for union in ("fromGateway", "fromClient") for name in schemas.definitions(union)}
    wanted -= {("expired", "websocket")}
    wanted |= {(name, "sse") for name in OVER_SSE} | {(name, "http") for name in BODIES}
    assert known == wanted, f"never seen: {sorted(wanted - known)}; not expected: {sorted(known - wanted)}"
    print(f"{len(every)} messages")
    print("all is well")


main(*sys.argv[1:])
