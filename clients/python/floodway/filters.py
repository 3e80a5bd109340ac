"""What a stream wants, as the gateway reckons it."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

QUERY_CHARS = 8000  # of filters: what gateways and proxies surely take in the first line of a request
PARAMETERS = {"device_ids": "device_id", "group_ids": "group_id", "metrics": "metric"}

# An empty filter in a query means "everything", so a stream that gave up its last device asks for a group that nobody has.
NO_GROUP = "floodway-client-nothing"
# By the names that actions have for them. Neither devices nor groups: everything; but where these are empty: nothing.
Filters = dict[str, tuple[str, ...]]


def named(devices: Iterable[str], groups: Iterable[str], metrics: Iterable[str] = ()) -> Filters:
    """Those that are not empty. Only names that a query can carry: others would not survive a reconnect."""
    filters = {}
    for key, given in zip(PARAMETERS, (devices, groups, metrics)):
        filters[key] = tuple(dict.fromkeys([given] if isinstance(given, str) else given))
        for name in filters[key]:
            if not name or name != name.strip() or re.search("," if key == "metrics" else r"[,/+#\x00-\x1f\x7f-\x9f]", name):
                raise ValueError(f"{name!r} can't be the name of a device, group or metric")
    return {key: listed for key, listed in filters.items() if listed}


def changed(filters: Filters, action: dict[str, Any]) -> Filters:
    """The filters after one of the protocol's actions, on one of the lists."""
    if action["action"] == "clear_filters":
        return {}
    (key,) = action.keys() & PARAMETERS.keys()
    had, given = filters.get(key, ()), action[key]
    if action["action"] == "unsubscribe":  # who has everything keeps it; who gives up the last one has nothing
        return {**filters, key: tuple(name for name in had if name not in given)} if key in filters else filters
    return {**filters, key: tuple(dict.fromkeys((*had, *given) if action["action"] == "subscribe" else given))}


def query(filters: Filters) -> dict[str, str]:
    """The same as parameters of a request."""
    parameters = {PARAMETERS[key]: ",".join(listed) for key, listed in filters.items() if listed}
    if {"device_ids", "group_ids"} & filters.keys() and not {"device_id", "group_id"} & parameters.keys():
        parameters["group_id"] = NO_GROUP
    if len(urlencode(parameters)) > QUERY_CHARS:
        raise ValueError(f"the filters take more than {QUERY_CHARS} characters: use groups instead")
    return parameters
