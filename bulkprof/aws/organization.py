"""The organization, read from AWS Organizations: accounts with their status, units with their children, and tags.

Only the management account and its delegated administrators may read it. Each part is read once a run and kept,
whatever the selectors ask for and in whatever order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from bulkprof.aws.credentials.keys import SharedCredentials
from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.aws.operations import OrganizationOperation
from bulkprof.aws.transport.responses import checked
from bulkprof.errors import AccessDeniedError, AwsError, ExpiredCredentialsError, NotFoundError
from bulkprof.model import Directory
from bulkprof.pages import Send, whole_list

S = TypeVar("S")

AT_ONCE = 8
"""Calls of one walk under way at once: Organizations takes some ten a second."""
MOST_PAGES = 10_000
"""Pages of one list: of accounts, AWS puts twenty on each."""
_NOT_IN_USE = "AWSOrganizationsNotInUseException"
_REMEDY = (
    "ou:, org:* and tag: need the organization's management account or a delegated administrator, with "
    "organizations:ListAccounts, ListAccountsForParent, ListOrganizationalUnitsForParent and ListTagsForResource. Use "
    "its credentials, set `via` in [organization] to a role there, or name accounts by their ids"
)


class Page(NamedTuple):
    """One page of a list, and the token of the next one or None."""

    items: tuple[tuple[str, str], ...]
    """Accounts with their status, units with their name, or tags."""
    next_token: str | None


class OrganizationApi:
    """The calls. Made by `AwsSessions.organization()`. Each method is one HTTP call and raises only `AwsError`."""

    def __init__(self, where: str, open_client: Callable[[], Awaitable[Any]], credentials: SharedCredentials) -> None:
        self.where = where
        self._open_client = open_client
        self._credentials = credentials
        self._opening = asyncio.Lock()
        self._client: Any = None

    async def accounts(self, next_token: str | None = None) -> Page:
        """Return the organization's accounts with their status."""
        return await self._page(OrganizationOperation.ACCOUNTS, "list_accounts", "Accounts", _account, next_token)

    async def accounts_of(self, parent: str, next_token: str | None = None) -> Page:
        """Return the accounts directly in a unit, with their status. Raises `NotFoundError` for an unknown unit."""
        operation, values = OrganizationOperation.ACCOUNTS_OF, {"ParentId": parent}
        return await self._page(operation, "list_accounts_for_parent", "Accounts", _account, next_token, **values)

    async def units_of(self, parent: str, next_token: str | None = None) -> Page:
        """Return the units directly in a unit."""
        operation, method = OrganizationOperation.UNITS_OF, "list_organizational_units_for_parent"
        return await self._page(operation, method, "OrganizationalUnits", _unit, next_token, ParentId=parent)

    async def tags_of(self, account: str, next_token: str | None = None) -> Page:
        """Return an account's tags."""
        operation, values = OrganizationOperation.TAGS_OF, {"ResourceId": account}
        return await self._page(operation, "list_tags_for_resource", "Tags", _tag, next_token, **values)

    async def _page(
        self,
        operation: OrganizationOperation,
        method: str,
        key: str,
        read: Callable[[Mapping[str, Any]], tuple[str, str]],
        next_token: str | None,
        **values: str,
    ) -> Page:
        if next_token:
            values["NextToken"] = next_token
        signed_with = self._credentials.generation
        try:
            with aws_errors(operation, self.where):
                client = await self._opened()
                with sdk_alone():
                    parsed = await getattr(client, method)(**values)
                response = checked("organizations", operation.api_name, parsed)
                return Page(tuple(map(read, response[key])), response.get("NextToken") or None)
        except ExpiredCredentialsError:
            self._credentials.expired(signed_with)
            raise

    async def _opened(self) -> Any:
        async with self._opening:
            if self._client is None:
                self._client = await self._open_client()
        return self._client


class OrganizationWalk:
    """Reads an organization, each part of it once."""

    def __init__(self, api: OrganizationApi, call: Send) -> None:
        self._api = api
        self._call = call
        self._statuses: dict[str, str] = {}
        self._units: dict[str, _Unit | None] = {}
        self._tags: dict[str, dict[str, str]] = {}

    async def directory(self, units: Iterable[str], *, tags: bool) -> Directory:
        """Return all accounts, the accounts of `units` and of the units in them, and, if `tags`, active accounts' tags.

        Raises `AccessDeniedError` that says who may read them, if the caller may not.
        """
        try:
            if not self._statuses:
                self._statuses.update(await self._list(OrganizationOperation.ACCOUNTS, self._api.accounts))
            found = {unit: accounts for unit in units if (accounts := await self._branch(unit)) is not None}
            if tags:
                active = [account for account, status in self._statuses.items() if status == "ACTIVE"]
                await _each(self._read_tags, [account for account in active if account not in self._tags])
        except AwsError as error:
            if isinstance(error, AccessDeniedError) or error.code == _NOT_IN_USE:
                message = f"the organization can't be read: {error.message.rstrip('.')}. {_REMEDY}"
                raise AccessDeniedError(
                    message, code=error.code, operation=error.operation, where=error.where
                ) from None
            raise
        return Directory(dict(self._statuses), found, dict(self._tags))

    async def _branch(self, unit: str) -> frozenset[str] | None:
        """Return the accounts in a unit and in all units below it; None if there is no such unit."""
        await self._read_unit(unit)
        if self._units[unit] is None:
            return None
        accounts: set[str] = set()
        level: set[str] = {unit}
        known: set[str] = set()
        while level:
            known |= level
            await _each(self._read_unit, level)
            # A unit that was deleted meanwhile holds nothing.
            seen = [found for each in level if (found := self._units[each]) is not None]
            accounts.update(*(found.accounts for found in seen))
            # Units that were moved meanwhile may seem to be within each other.
            level = {child for found in seen for child in found.children} - known
        return frozenset(accounts)

    async def _read_unit(self, unit: str) -> None:
        if unit in self._units:
            return

        async def accounts_of(token: str | None) -> Page:
            return await self._api.accounts_of(unit, token)

        async def units_of(token: str | None) -> Page:
            return await self._api.units_of(unit, token)

        try:
            accounts = await self._list(OrganizationOperation.ACCOUNTS_OF, accounts_of)
            children = await self._list(OrganizationOperation.UNITS_OF, units_of)
        except NotFoundError:
            self._units[unit] = None
            return
        # Adds accounts that joined since the list of all accounts was read.
        self._statuses |= accounts
        self._units[unit] = _Unit(frozenset(accounts), tuple(children))

    async def _read_tags(self, account: str) -> None:
        async def tags_of(token: str | None) -> Page:
            return await self._api.tags_of(account, token)

        try:
            self._tags[account] = await self._list(OrganizationOperation.TAGS_OF, tags_of)
        except NotFoundError:
            # It left the organization since the list was read.
            self._tags[account] = {}

    async def _list(self, operation: str, page_after: Callable[[str | None], Awaitable[Page]]) -> dict[str, str]:
        return dict(await whole_list(self._call, operation, page_after, itemgetter(0), most_pages=MOST_PAGES))


@dataclass(frozen=True, slots=True)
class _Unit:
    accounts: frozenset[str]
    children: tuple[str, ...]


async def _each(work: Callable[[S], Awaitable[None]], items: Collection[S]) -> None:
    """Do the work for all items, a few at once. The first error ends it and is raised as it is."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(item: S) -> None:
        async with limit:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _account(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["Id"], item.get("State") or item["Status"]


def _unit(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["Id"], item.get("Name", "")


def _tag(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["Key"], item.get("Value", "")
