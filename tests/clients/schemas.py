"""The JSON Schemas of docs/schemas, for programs that hold something against them."""

import json
import pathlib

import jsonschema
import referencing
import referencing.jsonschema

# The messages that server-sent events carry.
OVER_SSE = {"connected", "telemetry", "gap", "upstream", "reconnect", "expired"}


def closed(schema):
    """The schema with no other keys than those it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("unevaluatedProperties", False)
    return schema


class Schemas:
    def __init__(self, folder):
        self.documents = {}
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            document = json.loads(path.read_text())
            jsonschema.Draft202012Validator.check_schema(document)
            self.documents[path.name] = document
        assert self.documents, f"no schemas in {folder}"
        self.open, self.closed = self._registry(lambda it: it), self._registry(closed)

    def _registry(self, change):
        specification = referencing.jsonschema.DRAFT202012
        resources = {name: specification.create_resource(change(it)) for name, it in self.documents.items()}
        return referencing.Registry().with_resources(resources.items())

    def validator(self, name, registry):
        """For the definition `name`, as FILE#/$defs/NAME."""
        return jsonschema.Draft202012Validator({"$ref": name}, registry=registry)

    def definitions(self, union):
        """The definitions that a union of messages in stream.json refers to."""
        return [part["$ref"].rpartition("/")[2] for part in self.documents["stream.json"]["$defs"][union]["oneOf"]]
