"""The SDK's machinery, set up once: settings, service models, and clients that make one attempt per call.

This module loads the SDK, which takes most of a second: import it late, and in a thread.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.loaders import create_loader

from bulkprof._version import __version__
from bulkprof.aws.credentials.keys import Keys, SharedCredentials
from bulkprof.aws.credentials.mfa import Codes
from bulkprof.aws.credentials.provider_chain import find_credentials
from bulkprof.aws.errors.mapping import sdk_alone
from bulkprof.aws.transport.direct import Direct, SignedCalls, Signer
from bulkprof.aws.transport.http import SharedHttp
from bulkprof.aws.transport.parsers import Parsers, require_whole, require_xml
from bulkprof.aws.transport.sdk_http import ClientDefaults, SdkHttp
from bulkprof.aws.transport.settings import check_app_id, check_endpoint, check_region

Clients: TypeAlias = dict[tuple[str, str], tuple[Any, Direct]]
"""Clients by service and Region, with what sends their calls. They belong to one thread."""
SIGNING_NAMES: Mapping[str, str] = {
    "bedrock": "bedrock",
    "resourcegroupstaggingapi": "tagging",
    "service-quotas": "servicequotas",
}
"""The services that are called for targets, and the names that they are signed with."""
_SESSION_VARIABLES: Mapping[str, tuple[Any, ...]] = {
    "profile": (None, [], None, None),
    "region": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
    "ca_bundle": (None, [], None, None),
}
"""The SDK's variables with their environment taken out: (key in the file, environment, default, type)."""


# aiobotocore has no null handler, unlike botocore: its warnings, with the exceptions of credential providers, would go
# to standard error in programs that set up no logging.
logging.getLogger("aiobotocore").addHandler(logging.NullHandler())


class Sdk:
    """Makes sessions and clients.

    `environment` replaces the process's AWS_* variables and config files as a whole; with None, those are used.
    """

    def __init__(self, environment: Mapping[str, str] | None, *, timeout_s: float, kept: Clients | None = None) -> None:
        """`kept` holds the clients of an earlier one with the same settings, and gets those of this one."""
        self._environment = environment
        self.http = SharedHttp(timeout_s)
        self.codes = Codes()
        base = self._core = self._new_core()
        self._loader = _loader(base.get_config_variable("data_path") or "")
        base.register_component("data_loader", self._loader)
        # Megabytes of JSON, read here in a thread instead of at the first client on the event loop.
        self._loader.load_data("endpoints")
        self._loader.load_data("partitions")
        for service in (*SIGNING_NAMES, "sts"):
            self._loader.load_service_model(service, "service-2")
            self._loader.load_service_model(service, "endpoint-rule-set-1")
        if environment is not None and environment.get("AWS_ACCESS_KEY_ID"):
            base.set_credentials(
                environment["AWS_ACCESS_KEY_ID"],
                environment.get("AWS_SECRET_ACCESS_KEY", ""),
                environment.get("AWS_SESSION_TOKEN") or None,
            )
        self._endpoint = None if environment is None else environment.get("AWS_ENDPOINT_URL") or None
        self._isolated = {} if environment is None else _ISOLATED
        self._opening = asyncio.Lock()
        self._sharing = asyncio.Lock()
        self._shared: dict[tuple[str, str], Any] = {}
        """The clients of services that are called for targets, by service and Region."""
        self._kept: Clients = {} if kept is None else kept
        # The SDK's hundred handlers are for S3, EC2 and the like; each client would copy them all.
        bare = self._new_core(include_builtin_handlers=False)
        bare.register_component("data_loader", self._loader)
        self._unsigned = aioboto3.Session(botocore_session=bare)
        self.region: str = self._unsigned.region_name or ""
        """The default Region, or an empty string."""
        check_region(self.region)
        app = check_app_id(base.get_config_variable("user_agent_appid"))
        agent = " ".join(part for part in (f"bulkprof/{__version__}", app and f"app/{app}", base.user_agent()) if part)
        self._lean: dict[str, Any] = {
            # bulkprof retries in the engine, and counts every attempt there.
            "retries": {"mode": "legacy", "max_attempts": 0},
            # Intake has checked every value against the model's patterns, which botocore doesn't check.
            "parameter_validation": False,
            # A fixed text is sent as it is; else botocore builds one of a dozen parts for every call.
            "user_agent": agent,
            **self._isolated,
        }

    async def own_credentials(self, *, afresh: bool = False) -> Any:
        """Return the caller's credentials as the SDK finds them, or None; `afresh` looks in all places once more."""
        if self._environment is not None:
            return await self._core.get_credentials() if self._environment.get("AWS_ACCESS_KEY_ID") else None
        return await find_credentials(self._new_core() if afresh else self._core, self.http, self.codes)

    def session(self, credentials: SharedCredentials) -> aioboto3.Session:
        """Return a session in which the SDK signs with `credentials`, sharing the data that was loaded."""
        core = self._new_core()
        core.register_component("data_loader", self._loader)
        core.register_component("credential_provider", _Provider(credentials))
        core.register_component("response_parser_factory", Parsers())
        return aioboto3.Session(botocore_session=core)

    async def client(self, service: str, region: str, credentials: SharedCredentials) -> SignedCalls:
        """Return bulkprof's own calls of a service: one attempt per call, signed with `credentials`.

        They need no closing: their connections are the run's.
        """
        signer = Signer(SIGNING_NAMES[service], region, credentials.keys)
        async with self._sharing:
            if (client := self._shared.get((service, region))) is None:
                client = self._shared[service, region] = await self._share(service, region)
        return SignedCalls(client, signer)

    async def _share(self, service: str, region: str) -> Any:
        """Open the client of a Region's service that all accounts share."""
        if (service, region) in self._kept:
            client, direct = self._kept[service, region]
            direct.move(self.http)
            return client
        direct = Direct(self.http)
        config = AioConfig(
            # `Direct` signs. The SDK itself could also choose AWS_BEARER_TOKEN_BEDROCK, which acts in its own account,
            # whatever the target.
            signature_version=UNSIGNED,
            http_session_cls=direct.attach,
            **self._lean,
        )
        client = await self._open(self._unsigned, service, region, config)
        direct.serve(client)
        self._kept[service, region] = client, direct
        return client

    async def signed(self, session: aioboto3.Session, service: str, region: str) -> Any:
        """Open a client for which the SDK signs: it knows the signing Regions of STS and Organizations."""
        config = AioConfig(signature_version="v4", http_session_cls=self.http.attach, **self._lean)
        # Read in a thread, as it may not be read yet, and reading it would block the event loop.
        model = await asyncio.to_thread(self._loader.load_service_model, service, "service-2")
        client = await self._open(session, service, region, config)
        _refuse_broken(client, model["metadata"]["protocol"])
        return client

    @asynccontextmanager
    async def plugin_client(
        self, session: aioboto3.Session, service: str, region: str | None, *, retries: bool = True
    ) -> AsyncIterator[Any]:
        """Open a client for plugins, with the SDK's usual settings; without `retries`, a call is sent once.

        Raises `SettingsError` for an endpoint that nothing can be sent to.
        """
        options = self._isolated if retries else {**self._isolated, "retries": self._lean["retries"]}
        config = AioConfig(user_agent_extra=f"bulkprof/{__version__}", **options)
        async with AsyncExitStack() as stack:
            with sdk_alone(responses=False):
                # Some are megabytes of JSON, which would block the event loop.
                await asyncio.to_thread(self._loader.load_service_model, service, "service-2")
                client = await stack.enter_async_context(
                    session.client(
                        service, region_name=region or self.region or None, endpoint_url=self._endpoint, config=config
                    )
                )
            check_endpoint(client.meta.endpoint_url)
            if not retries:
                _refuse_broken(client, client.meta.service_model.metadata["protocol"])
            yield client

    async def _open(self, session: aioboto3.Session, service: str, region: str, config: AioConfig) -> Any:
        context = session.client(service, region_name=region, endpoint_url=self._endpoint, config=config)
        # Making a client takes some milliseconds without an await: hundreds at once would block the event loop.
        async with self._opening:
            await asyncio.sleep(0)
            with sdk_alone(responses=False):
                # Leaving the context would only close its HTTP session, which all clients share.
                client = await context.__aenter__()
            check_endpoint(client.meta.endpoint_url)
            return client

    def _new_core(self, **options: Any) -> Any:
        core = self._bare_core(**options)
        # Applies to every client of the session: those of plugins, and those of its credential chain.
        core.set_default_client_config(ClientDefaults(http_session_cls=partial(SdkHttp, self.http)))
        return core

    def _bare_core(self, **options: Any) -> Any:
        if self._environment is None:
            # Unlike other SDKs, the Python SDK reads only AWS_DEFAULT_REGION; most people set AWS_REGION.
            region_variable = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
            return AioSession(session_vars={"region": region_variable}, **options)
        core = AioSession(session_vars=dict(_SESSION_VARIABLES), **options)
        region = self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION")
        if region:
            core.set_config_variable("region", region)
        return core


def _refuse_broken(client: Any, protocol: str) -> None:
    """Let a success that was cut off be an error, where the SDK would read it as one without members."""
    require = {"json": require_whole, "query": require_xml}.get(protocol)
    if require is not None:
        service_id = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-parse.{service_id}", require)


@functools.cache
def _loader(path: str) -> Any:
    """Return what reads the SDK's data and keeps it, for all runs of a process. `path` is where users keep more."""
    return create_loader(path)


_ISOLATED: Mapping[str, Any] = {
    "defaults_mode": "legacy",
    "proxies": {},
    "use_dualstack_endpoint": False,
    "use_fips_endpoint": False,
}
"""Client settings that the process's environment could otherwise still reach."""


class _Provider:
    """A chain of credential providers with one provider, for the SDK."""

    def __init__(self, shared: SharedCredentials) -> None:
        self._shared = shared

    async def load_credentials(self) -> Any:
        return _Signing(self._shared)


class _Signing(AioCredentials):  # type: ignore[misc]  # the SDK has no types
    """Shared keys, which the SDK's signer gets before each call, so that a renewal needs no new client."""

    def __init__(self, shared: SharedCredentials) -> None:
        super().__init__("", "")
        self._shared = shared

    async def get_frozen_credentials(self) -> Keys:
        return await self._shared.keys()
