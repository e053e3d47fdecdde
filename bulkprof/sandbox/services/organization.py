"""An AWS organization with fixed account ids, nested units and suspended accounts, to be read.

moto's own organization can neither choose an account's id nor refuse callers from member accounts, so this one does
the reading operations once `Sandbox.make_organization` was called.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.operations import OrganizationOperation
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Call, Response, json_response

PAGE: Final = 20
"""AWS's largest page of accounts or units."""
_JOINED: Final = 1_700_000_000.0
_ACCOUNT_KEYS: Final = frozenset({"id", "name", "email", "ou", "tags", "status"})
_STATUSES: Final = frozenset({"ACTIVE", "SUSPENDED", "PENDING_CLOSURE"})
_WITHOUT_ONE: Final = frozenset(
    {"AcceptHandshake", "CreateOrganization", "DeclineHandshake", "DescribeHandshake", "ListHandshakesForAccount"}
)
"""The operations that an account without an organization may call."""


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the organization."""

    id: str
    name: str
    email: str
    parent: str
    """Id of the unit or root that it is in."""
    status: str = "ACTIVE"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unit:
    """An organizational unit."""

    id: str
    name: str
    parent: str


class Organization:
    """The sandbox's organization.

    `accounts` are objects with `name` and, where wanted, `id` (12 digits), `email`, `ou` (a path such as
    `Workloads/Prod`; none is the root), `tags` and `status`. The management account is added if it isn't named.
    Raises ValueError on unknown keys, a bad id or status, or an id that is given twice.
    """

    def __init__(
        self,
        accounts: Iterable[Mapping[str, Any]],
        *,
        management_account: str,
        delegated: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        self._seed = seed
        self.management_account = management_account
        self.id = "o-" + self._digest("organization", 10)
        self.root_id = "r-" + self._digest("root", 4)
        self.units: dict[str, Unit] = {}
        self.members: dict[str, Member] = {}
        self._readers = {management_account, *delegated}
        self._paths: dict[str, str] = {}
        for account in accounts:
            self._add(account)
        if management_account not in self.members:
            self._add({"id": management_account, "name": "management"})
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            OrganizationOperation.DESCRIBE: self._describe,
            OrganizationOperation.LIST_ROOTS: self._list_roots,
            OrganizationOperation.LIST_ACCOUNTS: lambda params: _page(
                params, "Accounts", map(self._account, self.members.values())
            ),
            OrganizationOperation.LIST_ACCOUNTS_FOR_PARENT: self._list_accounts_for_parent,
            OrganizationOperation.LIST_UNITS_FOR_PARENT: self._list_units_for_parent,
            OrganizationOperation.LIST_PARENTS: self._list_parents,
            OrganizationOperation.LIST_TAGS: self._list_tags,
            OrganizationOperation.DESCRIBE_ACCOUNT: self._describe_account,
            OrganizationOperation.DESCRIBE_UNIT: self._describe_unit,
        }

    @property
    def suspended(self) -> frozenset[str]:
        """Ids of the accounts that aren't ACTIVE."""
        return frozenset(member.id for member in self.members.values() if member.status != "ACTIVE")

    def unit_id(self, path: str) -> str:
        """Return the id of the unit at a path such as `Workloads/Prod`. Raises KeyError if there is none."""
        return self._paths[path]

    def to_json(self) -> dict[str, Any]:
        """Return management account and members for the control endpoint; `parent` is the id of a unit or the root."""
        members = [dataclasses.asdict(member) for member in self.members.values()]
        return {"management_account": self.management_account, "root": self.root_id, "accounts": members}

    def route(self, call: Call) -> bool:
        """Set operation and input. False for an operation that moto does."""
        call.operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            params = json.loads(call.body or b"{}")
        except ValueError:
            return False
        call.params = params if isinstance(params, dict) else {}
        return call.operation in self._operations

    def handle(self, call: Call) -> Response:
        """Do a routed call. Raises ApiError."""
        if call.account not in self.members:
            raise not_in_use()
        if call.account not in self._readers and call.operation != OrganizationOperation.DESCRIBE:
            raise ApiError("AccessDeniedException", "You don't have permissions to access this resource.")
        return json_response(self._operations[call.operation](call.params), content_type=JSON_1_1_TYPE)

    def _add(self, account: Mapping[str, Any]) -> None:
        unknown = set(account) - _ACCOUNT_KEYS
        if unknown or "name" not in account:
            raise ValueError(f"an account has a name, and may have {sorted(_ACCOUNT_KEYS)}; got {sorted(account)}")
        name = account["name"]
        account_id = account.get("id") or self._account_id(name)
        if len(account_id) != 12 or not account_id.isdecimal():
            raise ValueError(f"account {name}: an id is 12 digits, not {account_id!r}")
        if account_id in self.members:
            raise ValueError(f"account {account_id} stands twice in the organization")
        status = account.get("status", "ACTIVE")
        if status not in _STATUSES:
            raise ValueError(f"account {name}: status is one of {sorted(_STATUSES)}, not {status!r}")
        self.members[account_id] = Member(
            id=account_id,
            name=name,
            email=account.get("email") or f"aws+{account_id}@example.com",
            parent=self._unit(account.get("ou") or ""),
            status=status,
            tags=dict(account.get("tags") or {}),
        )

    def _unit(self, path: str) -> str:
        parent, walked = self.root_id, ""
        for name in filter(None, path.split("/")):
            walked = f"{walked}/{name}" if walked else name
            if walked not in self._paths:
                unit_id = f"ou-{self.root_id[2:]}-{self._digest(f'unit {walked}', 8)}"
                self.units[unit_id] = Unit(unit_id, name, parent)
                self._paths[walked] = unit_id
            parent = self._paths[walked]
        return parent

    def _account_id(self, name: str) -> str:
        number = int(self._digest(f"account {name} {len(self.members)}", 12), 16)
        return f"{10**11 + number % (9 * 10**11)}"

    def _digest(self, what: str, length: int) -> str:
        return hashlib.blake2b(f"{self._seed} {what}".encode()).hexdigest()[:length]

    def _arn(self, kind: str, *ids: str) -> str:
        return f"arn:aws:organizations::{self.management_account}:{'/'.join((kind, self.id, *ids))}"

    def _account(self, member: Member) -> dict[str, Any]:
        return {
            "Id": member.id,
            "Arn": self._arn("account", member.id),
            "Email": member.email,
            "Name": member.name,
            "Status": member.status,
            "State": member.status,
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": _JOINED,
        }

    def _unit_summary(self, unit: Unit) -> dict[str, Any]:
        return {"Id": unit.id, "Arn": self._arn("ou", unit.id), "Name": unit.name}

    def _describe(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Organization": {
                "Id": self.id,
                "Arn": self._arn("organization"),
                "FeatureSet": "ALL",
                "MasterAccountArn": self._arn("account", self.management_account),
                "MasterAccountId": self.management_account,
                "MasterAccountEmail": self.members[self.management_account].email,
                "AvailablePolicyTypes": [],
            }
        }

    def _list_roots(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        root = {"Id": self.root_id, "Arn": self._arn("root", self.root_id), "Name": "Root", "PolicyTypes": []}
        return {"Roots": [root]}

    def _parent(self, params: Mapping[str, Any]) -> str:
        parent = str(params.get("ParentId", ""))
        if parent != self.root_id and parent not in self.units:
            raise ApiError("ParentNotFoundException", "You specified parent that doesn't exist.")
        return parent

    def _list_accounts_for_parent(self, params: Mapping[str, Any]) -> dict[str, Any]:
        parent = self._parent(params)
        # Only direct children, as AWS.
        found = (self._account(member) for member in self.members.values() if member.parent == parent)
        return _page(params, "Accounts", found)

    def _list_units_for_parent(self, params: Mapping[str, Any]) -> dict[str, Any]:
        parent = self._parent(params)
        found = (self._unit_summary(unit) for unit in self.units.values() if unit.parent == parent)
        return _page(params, "OrganizationalUnits", found)

    def _list_parents(self, params: Mapping[str, Any]) -> dict[str, Any]:
        child = params.get("ChildId", "")
        found = self.members.get(child) or self.units.get(child)
        if found is None:
            raise ApiError("ChildNotFoundException", "We can't find an account or OU with the specified id.")
        kind = "ROOT" if found.parent == self.root_id else "ORGANIZATIONAL_UNIT"
        return {"Parents": [{"Id": found.parent, "Type": kind}]}

    def _list_tags(self, params: Mapping[str, Any]) -> dict[str, Any]:
        resource = params.get("ResourceId", "")
        if resource in self.members:
            tags = self.members[resource].tags
        elif resource in self.units or resource == self.root_id:
            tags = {}
        else:
            raise ApiError("TargetNotFoundException", "We can't find a root, OU, or account with that id.")
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _describe_account(self, params: Mapping[str, Any]) -> dict[str, Any]:
        member = self.members.get(params.get("AccountId", ""))
        if member is None:
            raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")
        return {"Account": self._account(member)}

    def _describe_unit(self, params: Mapping[str, Any]) -> dict[str, Any]:
        unit = self.units.get(params.get("OrganizationalUnitId", ""))
        if unit is None:
            raise ApiError(
                "OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist."
            )
        return {"OrganizationalUnit": self._unit_summary(unit)}


def needs_organization(call: Call) -> bool:
    """Set the operation of a call for Organizations, and return whether it needs an organization."""
    call.operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
    return call.operation not in _WITHOUT_ONE


def not_in_use() -> ApiError:
    """Return the error of such operations in an account without an organization."""
    return ApiError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def _page(params: Mapping[str, Any], key: str, found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    limit = params.get("MaxResults", PAGE)
    token = params.get("NextToken") or "0"
    if not isinstance(limit, int) or not 1 <= limit <= PAGE or not token.isdecimal():
        raise ApiError("InvalidInputException", "You provided invalid values for one or more of the parameters.")
    everything = list(found)
    start = int(token)
    page: dict[str, Any] = {key: everything[start : start + limit]}
    if len(everything) > start + limit:
        page["NextToken"] = str(start + limit)
    return page
