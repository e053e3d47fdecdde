"""The control endpoints under `/_sandbox/`: for a test that drives the sandbox from another process.

| path | GET answers | PUT and POST take |
|---|---|---|
| ledger | profiles and calls | nothing |
| faults | the list of faults | a list; PUT replaces all, POST adds |
| hypotheses | the object of switches | an object; PUT starts from the defaults, POST from what is set |
| rates | the list of rates, the default first | a rate or a list of them; each replaces the one for the same calls |
| denied | accounts and actions | an object with either or both |
| organization | its accounts, or null | an object with `accounts`, and maybe `management_account`, `delegated` |
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, Final

from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.rates import RateRule
from bulkprof.sandbox.service import Service
from bulkprof.sandbox.services.organization import Organization
from bulkprof.sandbox.settings import Hypotheses
from bulkprof.sandbox.state.ledger import Ledger
from bulkprof.sandbox.wire import Answer, Call, json_answer

PREFIX: Final = "/_sandbox/"


def ledger(service: Service) -> Ledger:
    """A snapshot of the books."""
    with service.lock:
        return Ledger(service.store.ledger(), tuple(service.calls.snapshot()))


def answer(call: Call, service: Service) -> Answer:
    """Answer a control call: 200, 400 for a body that can't be taken, 404 for an unknown path, 405."""
    name = call.path.removeprefix(PREFIX)
    reader = _READERS.get(name)
    if reader is None:
        return json_answer({"message": f"known are {', '.join(PREFIX + known for known in _READERS)}"}, status=404)
    writer = _WRITERS.get(name)
    if call.method in ("PUT", "POST") and writer is not None:
        try:
            with service.lock:
                writer(service, json.loads(call.body), call.method == "POST")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return json_answer({"message": str(error)}, status=400)
    elif call.method != "GET":
        return json_answer({"message": f"{call.method} is not for {call.path}"}, status=405)
    with service.lock:
        return json_answer(reader(service))


def _write_faults(service: Service, data: Any, add: bool) -> None:  # noqa: FBT001 - one of a table of writers
    given = [Fault.from_json(item) for item in data]
    service.faults.set((*service.faults.faults, *given) if add else given)


def _write_hypotheses(service: Service, data: Any, add: bool) -> None:  # noqa: FBT001 - as above
    service.store.hypotheses = Hypotheses.from_json(data, base=service.store.hypotheses if add else None)


def _write_rates(service: Service, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    for rule in [RateRule.from_json(item) for item in (data if isinstance(data, list) else [data])]:
        service.rates.set(rule)


def _write_denied(service: Service, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    service.denied_accounts = frozenset(data.get("accounts", service.denied_accounts))
    service.denied_actions = frozenset(data.get("actions", service.denied_actions))


def _write_organization(service: Service, data: Any, _add: bool) -> None:  # noqa: FBT001 - as above
    service.organization = Organization(
        data["accounts"],
        management_account=data.get("management_account", service.settings.default_account),
        delegated=data.get("delegated", ()),
        seed=service.settings.seed,
    )


_READERS: Final[dict[str, Callable[[Service], Any]]] = {
    "ledger": lambda service: ledger(service).to_json(),
    "faults": lambda service: [fault.to_json() for fault in service.faults.faults],
    "hypotheses": lambda service: dataclasses.asdict(service.store.hypotheses),
    "rates": lambda service: [rule.to_json() for rule in service.rates.rules],
    "denied": lambda service: {
        "accounts": sorted(service.denied_accounts),
        "actions": sorted(service.denied_actions),
    },
    "organization": lambda service: service.organization and service.organization.to_json(),
}
_WRITERS: Final[dict[str, Callable[[Service, Any, bool], None]]] = {
    "faults": _write_faults,
    "hypotheses": _write_hypotheses,
    "rates": _write_rates,
    "denied": _write_denied,
    "organization": _write_organization,
}
