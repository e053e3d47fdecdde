"""Handles one call from routing to reply: its caller, faults, permissions and rates, and the service that does it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from typing import Final, Literal

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.faults import AFTER, BEFORE, Fault, FaultScript
from bulkprof.sandbox.rates import RateTable
from bulkprof.sandbox.services import bedrock, costs, forwarded, quotas, sts, tagging, unsigned
from bulkprof.sandbox.services.metrics import Metrics
from bulkprof.sandbox.services.moto_bridge import MotoBridge
from bulkprof.sandbox.services.organization import Organization, needs_organization, not_in_use
from bulkprof.sandbox.services.sessions import Sessions
from bulkprof.sandbox.settings import SandboxSettings
from bulkprof.sandbox.state.ledger import CallCounter
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import Call, Protocol, Reply, Response, error_response, json_response

THROTTLED: Final = "Too many requests, please wait before trying again."
EXPIRED: Final = "The security token included in the request is expired"

_PROTOCOLS: Final[dict[str, Protocol]] = {
    "bedrock": "rest-json",
    "tagging": "json",
    "servicequotas": "json",
    "organizations": "json",
    "sts": "query",
    "ssm": "json",
    "events": "json",
    "monitoring": "query",
    "ce": "json",
}
_CUTS: Final[dict[str, Literal["now", "in body"]]] = {"cut_after": "now", "truncate_short": "in body"}
_PACED: Final = frozenset({"bedrock", "tagging", *forwarded.SERVICES})
"""The services that have rates and a latency."""
_ACTION_PREFIXES: Final = {"tagging": "tag"}


class Dispatcher:
    """The sandbox's state, and the handling of calls. `lock` guards all of it but moto's."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.store = ProfileStore(settings)
        self.sessions = Sessions(settings.default_account)
        self.rates = RateTable(settings.rate, settings.clock)
        self.faults = FaultScript(settings.seed)
        self.faults.set(settings.faults)
        self.calls = CallCounter()
        self.denied_accounts = settings.denied_accounts
        self.denied_actions = settings.denied_actions
        self.organization: Organization | None = None
        self.moto = MotoBridge(settings.buckets, settings.default_account)
        self.metrics = Metrics(settings, self.store, self.moto)
        self._bedrock = bedrock.Bedrock(self.store)

    async def handle(self, call: Call) -> Reply:
        """Do one AWS call."""
        call.read_scope()
        call.account = self.sessions.account(call.access_key)
        refusal = unsigned.refusal(call)
        if refusal is not None:
            return Reply(error_response(refusal, _PROTOCOLS.get(call.service, "rest-json")))
        work = self._route(call)
        if work is None and not forwarded.route(call):
            return Reply(await asyncio.to_thread(self.moto.handle, call))
        with self.lock:
            faults = self.faults.pick(call)
        if self.settings.latency_s and call.service in _PACED:
            await asyncio.sleep(self.settings.latency_s)
        for fault in faults:
            if fault.kind in BEFORE:
                reply = await self._strike(call, fault)
                if reply is not None:
                    return reply
        response = await self._forward(call, faults) if work is None else self._work(call, work)
        reply = Reply(response)
        for fault in faults:
            if fault.kind in AFTER:
                reply = await self._spoil(call, fault, reply)
        self._count(call, response.result)
        return reply

    def _route(self, call: Call) -> Callable[[], Response] | None:
        """Return what does the call, with its operation and input read; None leaves it to moto."""
        if call.service == "bedrock" and bedrock.route(call):
            return lambda: self._bedrock.handle(call)
        if call.service == "tagging" and tagging.route(call):
            return lambda: tagging.handle(call, self.store, self._bedrock.handle, self.settings.seed)
        if call.service == "servicequotas" and quotas.route(call):
            return lambda: quotas.handle(call, self.store)
        if call.service == "sts" and sts.route(call):
            return lambda: sts.handle(call, self.sessions, self.settings, self._closed_accounts())
        organization = self.organization
        if call.service == "ce" and costs.route(call):
            return lambda: costs.handle(call, self.store, self._payer())
        if call.service == "organizations":
            if organization is not None and organization.route(call):
                return lambda: organization.handle(call)
            if organization is None and needs_organization(call) and not self.moto.has_organization():
                return _no_organization
        return None

    def _work(self, call: Call, work: Callable[[], Response]) -> Response:
        with self.lock:
            try:
                self._admit(call)
                return work()
            except ApiError as error:
                return self._error(call, error)

    async def _forward(self, call: Call, faults: Collection[Fault]) -> Response:
        """Have moto do a call that may be refused first."""
        admitted = self._work(call, lambda: json_response({}))
        if admitted.result != "ok":
            return admitted
        if call.service == "monitoring":
            with self.lock:
                due = self.metrics.due(call.account, call.region)
            await asyncio.to_thread(self.metrics.put, call.account, call.region, due)
        half = any(fault.kind == "half_accepted" for fault in faults)
        return await asyncio.to_thread(forwarded.handle, call, self.moto.handle, half=half)

    def _admit(self, call: Call) -> None:
        """Raise ApiError for a call that AWS would refuse whatever its input."""
        lifetime = self.settings.session_lifetime_s
        if lifetime is not None:
            issued = self.sessions.issued_at(call.access_key)
            if issued is not None and self.settings.clock() - issued >= lifetime:
                raise ApiError("ExpiredToken" if call.service == "sts" else "ExpiredTokenException", EXPIRED)
        if self.denied_actions:
            action = call.operation
            if ":" not in action:
                action = f"{_ACTION_PREFIXES.get(call.service, call.service)}:{action}"
            if any(fnmatchcase(action, denied) for denied in self.denied_actions):
                raise ApiError(
                    "AccessDenied" if call.service == "sts" else "AccessDeniedException",
                    f"User: {self.sessions.principal(call.access_key, 'aws')} is not authorized to perform: {action}",
                )
        if call.service in _PACED:
            key = (call.account, call.region, call.operation)
            costs = self.store.hypotheses.throttled_calls_cost
            if not self.rates.take(key, refusal_costs=costs):
                code = "ThrottledException" if call.service == "tagging" else "ThrottlingException"
                raise ApiError(code, THROTTLED)

    def _error(self, call: Call, error: ApiError) -> Response:
        response = error_response(error, _PROTOCOLS[call.service])
        if response.result == "throttled" and self.settings.retry_after_s is not None:
            response.headers["Retry-After"] = f"{self.settings.retry_after_s:g}"
        return response

    async def _strike(self, call: Call, fault: Fault) -> Reply | None:
        """Apply a fault before the work. Return None if the call goes on."""
        if fault.kind == "delay_before":
            await asyncio.sleep(fault.delay_s)
            return None
        error = fault.error()
        if error is None:
            self._count(call, fault.kind)
            return Reply(None, cut="now")
        response = self._error(call, error)
        self._count(call, response.result)
        return Reply(response)

    async def _spoil(self, call: Call, fault: Fault, reply: Reply) -> Reply:
        """Apply a fault after the work. The ledger counts a fault that hides the response."""
        if fault.kind == "delay_after":
            await asyncio.sleep(fault.delay_s)
            return reply
        response = reply.response
        if response is None or response.result != "ok":
            return reply
        response.result = fault.kind
        error = fault.error()
        if error is not None:
            return Reply(self._error(call, error))
        fault.truncate(response)
        return Reply(response, cut=_CUTS.get(fault.kind, "no"))

    def _count(self, call: Call, result: str) -> None:
        with self.lock:
            self.calls.add(call.account, call.region, call.operation, result)

    def _payer(self) -> str:
        manager = self.organization.management_account if self.organization else self.settings.default_account
        return self.settings.payer_account or manager

    def _closed_accounts(self) -> frozenset[str]:
        """Return the accounts whose roles can't be assumed: denied ones, and suspended ones of the organization."""
        suspended = self.organization.suspended if self.organization else frozenset()
        return self.denied_accounts | suspended


def _no_organization() -> Response:
    raise not_in_use()
