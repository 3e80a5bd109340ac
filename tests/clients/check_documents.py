"""Holds docs/openapi.yaml and docs/asyncapi.yaml against their standards, the schemas, the API's proto, the page of the protocol, and
what gateways keep in a broker.

Usage: check_documents.py DOCS_FOLDER ASYNCAPI_SCHEMA PROTO_FILE RETAINED_FILE

The schema is the one that AsyncAPI publishes for its version 3.0. Each line of the last file is a topic, a space, and a payload.
"""

import copy
import json
import pathlib
import re
import sys

import jsonschema
import openapi_spec_validator
import yaml

from schemas import OVER_SSE, Schemas


def parts(document):
    """Each object in the document, however deep."""
    if isinstance(document, dict):
        yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else []:
        yield from parts(part)


def resolved(document, schemas, reference):
    """What a reference leads to: in the document, or in a file of schemas."""
    file, _, path = reference.partition("#/")
    found = schemas.documents[pathlib.PurePath(file).name] if file else document
    for step in path.split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def check_references(document, schemas):
    """Each leads somewhere, and no document has a schema of an object of its own: those are in docs/schemas."""
    for part in parts(document):
        if isinstance(part.get("$ref"), str):
            resolved(document, schemas, part["$ref"])
        assert not ("properties" in part and part.get("type") == "object"), f"{part} belongs to docs/schemas"


def check_openapi(path, schemas, proto, page):
    document = yaml.safe_load(path.read_text())
    openapi_spec_validator.validate(document, base_uri=path.as_uri())
    check_references(document, schemas)

    calls = re.findall(r"rpc (\w+)\(\w+\) returns \((stream )?", proto.read_text())
    api, paths = "/floodway.admin.v1.Admin/", document["paths"]
    described = set(paths[api + "{call}"]["post"]["parameters"][0]["schema"]["enum"])
    assert described == {name for name, stream in calls if not stream}, described
    streams = {path.removeprefix(api) for path in paths if path.startswith(api)} - {"{call}"}
    assert streams == {name for name, stream in calls if stream}, streams

    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)?) \|[^|]*\|[^|]*\|$", page.partition("### Parameters")[2].partition("##")[0], re.M)
    named = {name for row in rows for name in re.findall(r"\w+", row)} - {"token"}
    parameters = document["components"]["parameters"].values()
    assert named == {it["name"] for it in parameters if it["in"] == "query"}, named

    table = page.partition("## Why a stream is refused or ended")[2]
    told = {status for row in re.findall(r"^\| `\w+` \|[^|]*\|([^|]*)\|", table, re.M) for status in re.findall(r"\d{3}", row)}
    ways = [paths["/api/v1/customer/telemetry/stream" + way]["get"] for way in ("", "/sse")]
    answers = {status for way in ways for status in way["responses"]} - {"101", "200"}
    # A wrong method has no operation.
    assert told - {"405"} == answers, told ^ answers


def check_asyncapi(path, standard, schemas):
    document = yaml.safe_load(path.read_text())
    validator = jsonschema.Draft7Validator(json.loads(standard.read_text()))
    for fault in validator.iter_errors(document):
        raise AssertionError(f"{list(fault.absolute_path)}: {fault.message}")
    wrong = copy.deepcopy(document)
    wrong["operations"]["refresh"]["action"] = "publish"
    assert not validator.is_valid(wrong), "AsyncAPI 3.0 knows only send and receive"
    check_references(document, schemas)

    channels, messages = document["channels"], document["components"]["messages"]
    every = set(schemas.definitions("fromGateway")) | set(schemas.definitions("fromClient"))
    assert set(channels["websocket"]["messages"]) == every - {"expired"}
    assert set(channels["events"]["messages"]) == OVER_SSE
    for name in every:
        schema = schemas.documents["stream.json"]["$defs"][name]["properties"]
        word = schema.get("type", schema.get("action"))["const"]
        assert messages[name]["name"] == word, f"{name} is {word} on the wire"
    return channels


def check_retained(channels, schemas, lines):
    """Each retained document is one that a channel describes, and there is one for each channel of such documents."""
    seen = set()
    for line in lines:
        topic, _, payload = line.partition(" ")
        patterns = {name: re.sub(r"\\{\w+\\}", "[^/]+", re.escape(channel["address"])) for name, channel in channels.items()}
        fitting = [name for name, pattern in patterns.items() if re.fullmatch(pattern, topic)]
        assert len(fitting) == 1, f"{topic} is described by {fitting}"
        (name,) = fitting
        (definition,) = channels[name]["messages"]
        validator = schemas.validator(f"mqtt.json#/$defs/{definition}", schemas.closed)
        for fault in validator.iter_errors(json.loads(payload)):
            raise AssertionError(f"{line}: {fault.message}")
        seen.add(name)
    assert seen == {"defaultLimits", "tenantLimits", "group", "reservedIds", "fleet"}, seen


def main(docs, standard, proto, retained):
    docs, standard, proto, retained = map(pathlib.Path, (docs, standard, proto, retained))
    schemas, page = Schemas(docs / "schemas"), (docs / "protocol.md").read_text()
    check_openapi((docs / "openapi.yaml").resolve(), schemas, proto, page)
    channels = check_asyncapi(docs / "asyncapi.yaml", standard, schemas)
    check_retained(channels, schemas, retained.read_text().splitlines())
    print("all is well")


main(*sys.argv[1:])
