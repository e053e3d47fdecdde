"""Services that moto serves, and that have rates, faults and denied actions of the sandbox all the same.

Their operations are called `ssm:PutParameter` in faults, rates and the ledger: services share names of operations.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from bulkprof.sandbox.wire import JSON_1_1_TYPE, Call, Response, dumps, json_response

SERVICES: Final = frozenset({"ssm", "events", "monitoring"})
_PREFIXES: Final = {"monitoring": "cloudwatch"}
"""What policies call a service, where that isn't the name that its calls are signed with."""
_REFUSED: Final = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}

Serve = Callable[[Call], Response]
"""Has moto do a call."""


def route(call: Call) -> bool:
    """Return whether the call is for one of these services; set its operation and input if so."""
    if call.service not in SERVICES:
        return False
    if call.service == "monitoring" and "x-amz-target" not in call.headers:
        # Some versions of the SDK send forms, others CBOR, with the operation at the end of the path.
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        call.operation = form.get("Action") or call.path.rpartition("/")[2]
    elif not call.read_json():
        return False
    call.operation = f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"
    return True


def handle(call: Call, serve: Serve, *, half: bool) -> Response:
    """Do the call. With `half`, every other entry of events is refused, the first among them."""
    response = _half_accepted(call, serve) if half and call.operation == "events:PutEvents" else serve(call)
    if response.status >= 300:
        response.result = _code(response.body)
    return response


def _half_accepted(call: Call, serve: Serve) -> Response:
    entries = call.params["Entries"]
    answers = []
    if kept := entries[1::2]:
        call.body = dumps({**call.params, "Entries": kept})
        response = serve(call)
        if response.status >= 300:
            return response
        answers = json.loads(response.body)["Entries"]
    told = [answers[at // 2] if at % 2 else _REFUSED for at in range(len(entries))]
    content = {"FailedEntryCount": len(entries) - len(kept), "Entries": told}
    return json_response(content, content_type=JSON_1_1_TYPE)


def _code(body: bytes) -> str:
    """Return the code of an error of moto's."""
    try:
        return str(json.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return "error"
