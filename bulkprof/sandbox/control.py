"""The control endpoints under `/_sandbox/`: for a test that drives the sandbox from another process.

| path | GET returns | PUT and POST take |
|---|---|---|
| ledger | profiles and calls | nothing |
| faults | the list of faults | a list; PUT replaces all, POST adds |
| hypotheses | the object of switches | an object; PUT starts from the defaults, POST from what is set |
| rates | the list of rates, the default first | a rate or a list of them; each replaces the one for the same calls |
| denied | accounts and actions | an object with either or both |
| usage | the rows that CloudWatch wasn't asked for yet | rows of use, or a list of them, which are added |
| organization | its accounts, or null | an object with `accounts`, and maybe `management_account`, `delegated` |
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Final

from bulkprof.sandbox.dispatcher import Dispatcher
from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.rates import RateRule
from bulkprof.sandbox.services.organization import Organization
from bulkprof.sandbox.settings import Hypotheses
from bulkprof.sandbox.state.ledger import Ledger
from bulkprof.sandbox.usage import UsageRow
from bulkprof.sandbox.wire import Call, Response, json_response

PREFIX: Final = "/_sandbox/"


def ledger(dispatcher: Dispatcher) -> Ledger:
    """Return a snapshot of all profiles and calls."""
    with dispatcher.lock:
        return Ledger(dispatcher.store.ledger(), tuple(dispatcher.calls.snapshot()))


def handle(call: Call, dispatcher: Dispatcher) -> Response:
    """Do a control call: 200, 400 for a body that can't be taken, 404 for an unknown path, 405."""
    name = call.path.removeprefix(PREFIX)
    reader = _READERS.get(name)
    if reader is None:
        return json_response({"message": f"known are {', '.join(PREFIX + known for known in _READERS)}"}, status=404)
    writer = _WRITERS.get(name)
    if call.method in ("PUT", "POST") and writer is not None:
        try:
            with dispatcher.lock:
                writer(dispatcher, json.loads(call.body), call.method == "POST")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return json_response({"message": str(error)}, status=400)
    elif call.method != "GET":
        return json_response({"message": f"{call.method} is not for {call.path}"}, status=405)
    with dispatcher.lock:
        return json_response(reader(dispatcher))


def _write_faults(dispatcher: Dispatcher, data: Any, add: bool) -> None:  # noqa: FBT001 - one of a table of writers
    given = [Fault.from_json(item) for item in data]
    dispatcher.faults.set((*dispatcher.faults.faults, *given) if add else given)


def _write_hypotheses(dispatcher: Dispatcher, data: Any, add: bool) -> None:  # noqa: FBT001 - as above
    dispatcher.store.hypotheses = Hypotheses.from_json(data, base=dispatcher.store.hypotheses if add else None)


def _write_rates(dispatcher: Dispatcher, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    for rule in [RateRule.from_json(item) for item in (data if isinstance(data, list) else [data])]:
        dispatcher.rates.set(rule)


def _write_denied(dispatcher: Dispatcher, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    dispatcher.denied_accounts = frozenset(data.get("accounts", dispatcher.denied_accounts))
    dispatcher.denied_actions = frozenset(data.get("actions", dispatcher.denied_actions))


def _write_organization(dispatcher: Dispatcher, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    dispatcher.organization = Organization(
        data["accounts"],
        management_account=data.get("management_account", dispatcher.settings.default_account),
        delegated=data.get("delegated", ()),
        seed=dispatcher.settings.seed,
    )


def _write_usage(dispatcher: Dispatcher, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    dispatcher.metrics.add([UsageRow.from_json(row) for row in (data if isinstance(data, list) else [data])])


_READERS: Final[dict[str, Callable[[Dispatcher], Any]]] = {
    "ledger": lambda dispatcher: ledger(dispatcher).to_json(),
    "faults": lambda dispatcher: [fault.to_json() for fault in dispatcher.faults.faults],
    "hypotheses": lambda dispatcher: dataclasses.asdict(dispatcher.store.hypotheses),
    "rates": lambda dispatcher: [rule.to_json() for rule in dispatcher.rates.rules],
    "denied": lambda dispatcher: {
        "accounts": sorted(dispatcher.denied_accounts),
        "actions": sorted(dispatcher.denied_actions),
    },
    "usage": lambda dispatcher: dispatcher.metrics.left(),
    "organization": lambda dispatcher: dispatcher.organization and dispatcher.organization.to_json(),
}
_WRITERS: Final[dict[str, Callable[[Dispatcher, Any, bool], None]]] = {
    "faults": _write_faults,
    "hypotheses": _write_hypotheses,
    "rates": _write_rates,
    "denied": _write_denied,
    "usage": _write_usage,
    "organization": _write_organization,
}
