"""The sandbox's public class: starting, stopping, and changing it while it runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from bulkprof.sandbox import control
from bulkprof.sandbox.dispatcher import Dispatcher
from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.rates import RateRule
from bulkprof.sandbox.server import HOST, HttpServer
from bulkprof.sandbox.services.organization import Organization
from bulkprof.sandbox.settings import Hypotheses, Rate, SandboxSettings
from bulkprof.sandbox.state.ledger import Ledger
from bulkprof.sandbox.usage import UsageRow
from bulkprof.sandbox.wire import Call, Reply


class Sandbox:
    """An AWS on 127.0.0.1 with Bedrock's application inference profiles.

    Use it as a context manager, or call `start` and `stop`. All methods may be called from any thread.

    ```python
    with Sandbox(SandboxSettings(rate=Rate(10, 20))) as sandbox:
        os.environ.update(sandbox.environment())
    ```
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self._dispatcher: Dispatcher | None = None
        self._server: HttpServer | None = None
        self._port: int | None = None

    def start(self) -> Self:
        """Start serving.

        Raises SandboxMissingError without moto, OSError when the port is taken, ValueError for a bad state file.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        dispatcher = Dispatcher(self.settings)
        dispatcher.store.open()
        server = HttpServer(self._handle, self.settings.port)
        self._dispatcher = dispatcher
        try:
            self._port = server.start()
        except BaseException:
            dispatcher.store.close()
            raise
        self._server = server
        return self

    def stop(self) -> None:
        """End all connections and free the port. The ledger can still be read."""
        if self._server is None or self._dispatcher is None:
            return
        self._server.stop()
        self._server = None
        self._dispatcher.moto.close()
        self._dispatcher.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it serves, without a slash at the end."""
        if self._port is None:
            raise RuntimeError("the sandbox has not been started")
        return f"http://{HOST}:{self._port}"

    def environment(self) -> dict[str, str]:
        """Environment variables that make any AWS SDK talk to this sandbox and to nothing else.

        No value switches AWS_PROFILE off: remove it from the environment.
        """
        direct = {name: ",".join(filter(None, (os.environ.get(name), HOST))) for name in ("NO_PROXY", "no_proxy")}
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIASANDBOXSANDBOX00",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_SESSION_TOKEN": "sandbox",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **direct,
        }

    def ledger(self) -> Ledger:
        """Every profile ever made and every call with its result, up to now."""
        return control.ledger(self._running)

    def set_faults(self, faults: Iterable[Fault | Mapping[str, Any]]) -> None:
        """Replace all faults; an empty list ends them. Objects as for `Fault.from_json` will do."""
        given = [fault if isinstance(fault, Fault) else Fault.from_json(fault) for fault in faults]
        with self._running.lock:
            self._running.faults.set(given)

    def set_hypotheses(self, hypotheses: Hypotheses) -> None:
        """Change the hypotheses about AWS from now on."""
        with self._running.lock:
            self._running.store.hypotheses = hypotheses

    def set_rate(
        self, rate: Rate, *, operation: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Change the allowed rate of the calls that match; None matches any."""
        with self._running.lock:
            self._running.rates.set(RateRule(rate, operation, account, region))

    def set_denied(self, *, accounts: Collection[str] | None = None, actions: Collection[str] | None = None) -> None:
        """Change the denied accounts or actions; None leaves them as they are."""
        with self._running.lock:
            if accounts is not None:
                self._running.denied_accounts = frozenset(accounts)
            if actions is not None:
                self._running.denied_actions = frozenset(actions)

    def add_usage(self, rows: Iterable[UsageRow | Mapping[str, Any]]) -> None:
        """Add to the use of profiles and models that CloudWatch tells. Objects as for `UsageRow.from_json` will do."""
        given = [row if isinstance(row, UsageRow) else UsageRow.from_json(row) for row in rows]
        with self._running.lock:
            self._running.metrics.add(given)

    def make_organization(
        self,
        accounts: Iterable[Mapping[str, Any]],
        *,
        management_account: str | None = None,
        delegated: Collection[str] = (),
    ) -> Organization:
        """Make an organization of these accounts; see `Organization`. Replaces an earlier one.

        `delegated` are member accounts that may read it too. Raises ValueError on accounts that can't be.
        """
        manager = management_account or self.settings.default_account
        organization = Organization(accounts, management_account=manager, delegated=delegated, seed=self.settings.seed)
        with self._running.lock:
            self._running.organization = organization
        return organization

    @property
    def _running(self) -> Dispatcher:
        if self._dispatcher is None:
            raise RuntimeError("the sandbox has not been started")
        return self._dispatcher

    async def _handle(self, call: Call) -> Reply:
        if call.path.startswith(control.PREFIX):
            return Reply(control.handle(call, self._running))
        return await self._running.handle(call)
