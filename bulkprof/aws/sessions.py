"""The caller's identity, and the clients of every target: one role session an account, one client a target.

If the config names a hub role (`via`), the caller assumes that one first, and with it the roles of other accounts.

Settings are the SDK's own (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, AWS_CA_BUNDLE and the rest).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bulkprof.aws.bedrock import BedrockApi
from bulkprof.aws.credentials.assume_role import AssumedRole, account_of, member_role
from bulkprof.aws.credentials.caller import CallerKeys, Stopping, never
from bulkprof.aws.credentials.keys import SharedCredentials
from bulkprof.aws.credentials.mfa import Ask
from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import StsOperation
from bulkprof.aws.organization import OrganizationApi
from bulkprof.aws.service import ServiceApi
from bulkprof.aws.transport.responses import checked
from bulkprof.config import Organization, Run
from bulkprof.errors import AccessDeniedError, AwsError, ExpiredCredentialsError, RegionError
from bulkprof.model import Target
from bulkprof.telemetry.seam import NO_TELEMETRY, Telemetry
from bulkprof.totals import CallCount, CallTimes

if TYPE_CHECKING:
    from bulkprof.aws.sdk import Clients, Sdk

_OWN = ""
"""The key of the caller's own account, as in `Target.account`."""
_HUB = "hub"
"""The key of the hub role's credentials."""
_PAYER = "payer"
"""The key of the credentials of the role in the payer's account."""
_SET_REGION = "no Region is set; set AWS_REGION, or `region` in the manifest or in [defaults]"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The identity that the SDK's credentials belong to."""

    account: str
    arn: str
    partition: str
    """`aws`, `aws-us-gov`, …: the second part of every ARN."""


class AwsSessions:
    """A run's access to AWS: use it as a context manager, and ask for `bedrock(target)`.

    Only targets that were asked for and not released hold clients. `environment` replaces the process's AWS_*
    variables and files as a whole (for a sandbox); it may hold AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_DEFAULT_REGION.
    """

    def __init__(
        self,
        organization: Organization,
        run: Run,
        *,
        environment: Mapping[str, str] | None = None,
        kept: Clients | None = None,
        ask: Ask | None = None,
        stopping: Stopping = never,
        telemetry: Telemetry = NO_TELEMETRY,
    ) -> None:
        """`ask` asks the user for the code of an MFA device; `kept` holds the clients of an earlier use, for this one.

        `stopping` returns when the run stops and waits no longer for the caller's own credentials.
        """
        self._ask, self._kept, self._stopping = ask, kept, stopping
        self._telemetry = telemetry
        self._organization = organization
        self._run = run
        self._environment = environment
        self._sdk: Sdk | None = None
        self._caller: CallerIdentity | None = None
        self._unidentified: AwsError | None = None
        self._identifying = asyncio.Lock()
        self._sessions: dict[str, Any] = {}
        self._sts_clients: dict[tuple[str, str], Any] = {}
        self._opening_sts = asyncio.Lock()
        self._credentials: dict[str, SharedCredentials] = {}
        self._apis: dict[Target, BedrockApi] = {}
        self.counts: dict[str, CallCount] = {}
        self.times = CallTimes()
        """The calls that assumed roles, by operation."""

    async def __aenter__(self) -> Self:
        """Load the SDK, off the event loop. Raises `AwsError` when its settings can't be used."""
        with aws_errors(), sdk_alone(responses=False):
            # The SDK and its data take most of a second to load: long enough to miss a signal or a heartbeat.
            self._sdk = await asyncio.to_thread(_load, self._environment, self._run, self._kept)
        own = CallerKeys(self._sdk.own_credentials, self._stopping, codes=self._sdk.codes, ask=self._ask)
        self._credentials[_OWN] = SharedCredentials(own.fetch)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections, also when cancelled."""
        self._apis.clear()
        self._sts_clients.clear()
        self._credentials.clear()
        self._sessions.clear()
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.http.close()

    @property
    def region(self) -> str:
        """The SDK's default Region, or an empty string."""
        return self._loaded.region

    async def identity(self, *, near: str = "") -> CallerIdentity:
        """Return the caller's identity. `near` is the Region to call STS in if the SDK has no default one.

        AWS is asked once. Raises `AwsError` if there are no credentials, no Region or no connection to AWS.
        """
        failed_before = self._unidentified
        if self._caller is None:
            async with self._identifying:
                if self._caller is None:
                    if self._unidentified is not None and self._unidentified is not failed_before:
                        # It failed while this task waited. All waiting tasks trying again in turn would take too long.
                        raise copy.copy(self._unidentified)
                    self._caller = await self._identify(self.region or near)
        return self._caller

    async def bedrock(self, target: Target) -> BedrockApi:
        """Return the calls of `target`, with its role assumed.

        Raises `AwsError` with the account in `where` if the account can't be entered. An empty Region stands for the
        SDK's default one.
        """
        if (api := self._apis.get(target)) is not None:
            return api
        region = target.region or self.region
        if not region:
            raise RegionError(_SET_REGION, code="NoRegion", where=str(target))
        if "fips" in region:
            raise RegionError(
                f"{region} is a pseudo-Region of old; write the plain one and set AWS_USE_FIPS_ENDPOINT=true",
                code="FipsRegion",
                where=str(target),
            )
        credentials = self._credentials[await self._entered(replace(target, region=region))]
        # Two tasks that ask at once must get the same object, to share the clients that it opens.
        return self._apis.setdefault(
            target,
            BedrockApi(target, partial(self._loaded.client, region=region, credentials=credentials), credentials),
        )

    async def organization(self, *, near: str = "") -> OrganizationApi:
        """Return the calls that read the organization, as the hub role if there is one, else as the caller.

        `near` is the Region to use if the SDK has no default one. Raises `AwsError` if the hub role can't be assumed.
        """
        caller = await self.identity(near=near)
        region = self.region or near
        who = self._assumer(region)
        await self._credentials[who].keys()
        where = account_of(self._organization.via) if self._organization.via else caller.account
        open_client = partial(self._open_signed, who, "organizations", region)
        return OrganizationApi(where, open_client, self._credentials[who])

    def trust_needed(self) -> str:
        """Return what the trust policy of a role in another account must allow, for people."""
        organization, caller = self._organization, self._caller
        if organization.via:
            principal = organization.via
        elif caller is None:
            principal = "the caller"
        elif ":assumed-role/" in caller.arn:
            principal = f"the role {caller.arn.split('/')[1]} of account {caller.account}"
        else:
            principal = caller.arn
        external = " with the external id of [organization]" if organization.external_id else ""
        return f"sts:AssumeRole for {principal}{external}"

    async def release(self, target: Target) -> None:
        """Drop a target's clients. Asking for it again opens new ones; connections stay open for other targets."""
        self._apis.pop(target, None)

    @asynccontextmanager
    async def client(
        self, service: str, *, region: str | None = None, account: str | None = None
    ) -> AsyncIterator[Any]:
        """Open an SDK client of any service: the `ClientFactory` that plugins get.

        It works in the caller's own account, or in `account`, with its role assumed. Its errors are the SDK's own, and
        so are its retries. Raises `AwsError` if the account can't be entered.
        """
        who = await self._entered(Target(account, region or self.region)) if account else _OWN
        async with self._loaded.plugin_client(self._session(who), service, region) as client:
            yield client

    @asynccontextmanager
    async def service(self, service: str, target: Target) -> AsyncIterator[ServiceApi]:
        """Open the calls of any service in a target: each is sent once, and raises only `AwsError`.

        Raises `AwsError` if the account can't be entered.
        """
        who = await self._entered(target)
        async with self._loaded.plugin_client(self._session(who), service, target.region, retries=False) as client:
            yield ServiceApi(str(target), client, self._credentials[who])

    @asynccontextmanager
    async def payer(self, service: str, *, near: str = "") -> AsyncIterator[ServiceApi]:
        """Open the calls of a service of the payer's account: by its role if the config names one, else the caller's.

        `near` is the Region to use if the SDK has no default one. Raises `AwsError` if the role can't be assumed.
        """
        caller, role = await self.identity(near=near), self._organization.payer_role
        region, who = self.region or near, _PAYER if role else _OWN
        if role and who not in self._credentials:
            self._assuming(who, role, _OWN, region, None)
        account = self._organization.payer_account or caller.account
        with aws_errors(where=account):
            await self._credentials[who].keys()
        async with self._loaded.plugin_client(self._session(who), service, region, retries=False) as client:
            yield ServiceApi(account, client, self._credentials[who])

    @property
    def _loaded(self) -> Sdk:
        if self._sdk is None:
            raise RuntimeError("AwsSessions is used outside its `async with` block")
        return self._sdk

    async def _entered(self, target: Target) -> str:
        """Return the key of the credentials for an account, shared by all its Regions, once there are some.

        Raises `AwsError` with the account in `where` if it can't be entered.
        """
        with aws_errors(where=target.account or str(target)):
            who = await self._enter(target.account, target.region)
            await self._credentials[who].keys()
        return who

    async def _enter(self, account: str, region: str) -> str:
        caller = await self.identity(near=region) if account else None
        if caller is None or account == caller.account:
            return _OWN
        organization, near = self._organization, self.region or region
        if organization.via and account == account_of(organization.via):
            return self._assumer(near)
        if account not in self._credentials:
            if not organization.role:
                raise AccessDeniedError(
                    f"account {account} is not the caller's own ({caller.account}), and no role is set to enter it; "
                    "set `role` in [organization]",
                    code="NoRole",
                    where=account,
                )
            arn = member_role(organization, account, caller.partition)
            self._assuming(account, arn, self._assumer(near), near, organization.external_id)
        return account

    def _assumer(self, region: str) -> str:
        """Return the key of the credentials that assume roles: the hub role's, if there is one, or the caller's."""
        via = self._organization.via
        if not via:
            return _OWN
        if _HUB not in self._credentials:
            self._assuming(_HUB, via, _OWN, region, None)
        return _HUB

    def _assuming(self, key: str, arn: str, by: str, region: str, external_id: str | None) -> None:
        sts, signer = partial(self._sts, by, region), self._credentials[by]
        count = self.counts.setdefault(StsOperation.ASSUME_ROLE, CallCount())
        calls = self._telemetry.calls(Target(account_of(arn), region))
        role = AssumedRole(arn, self._organization, external_id, sts, signer, count, self.times, calls)
        self._credentials[key] = SharedCredentials(role.fetch)

    def _session(self, who: str) -> Any:
        if (session := self._sessions.get(who)) is None:
            session = self._sessions[who] = self._loaded.session(self._credentials[who])
        return session

    async def _sts(self, who: str, region: str) -> Any:
        async with self._opening_sts:
            if (client := self._sts_clients.get((who, region))) is None:
                client = self._sts_clients[who, region] = await self._open_signed(who, "sts", region)
        return client

    async def _open_signed(self, who: str, service: str, region: str) -> Any:
        return await self._loaded.signed(self._session(who), service, region)

    async def _identify(self, region: str) -> CallerIdentity:
        own = self._credentials[_OWN]
        signed_with = own.generation
        try:
            with aws_errors(StsOperation.CALLER_IDENTITY):
                if not region:
                    raise RegionError(_SET_REGION, code="NoRegion")
                sts = await self._sts(_OWN, region)
                with sdk_alone():
                    response = await sts.get_caller_identity()
                found = checked("sts", StsOperation.CALLER_IDENTITY, response)
        except AwsError as error:
            self._unidentified = error
            if isinstance(error, ExpiredCredentialsError):
                own.expired(signed_with)
            raise
        return CallerIdentity(account=found["Account"], arn=found["Arn"], partition=found["Arn"].split(":")[1])


def _load(environment: Mapping[str, str] | None, run: Run, kept: Clients | None) -> Sdk:
    from bulkprof.aws.sdk import Sdk

    return Sdk(environment, timeout_s=run.timeout_s, kept=kept)
