"""The words of the domain as frozen values: request, target, profile, action, outcome.

They hold no behaviour beyond what follows from their own fields, so that every part of the package,
and every plugin, can share them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, Final

# They are words of the domain, too: all others import them from here.
from bulkprof.problem import Problem as Problem  # noqa: PLC0414 - a re-export
from bulkprof.problem import Severity as Severity  # noqa: PLC0414 - a re-export

EMPTY: Mapping[str, str] = MappingProxyType({})
NOT_REACHED: Final = "NotReached"
"""The error code of actions that a stopped run left open."""
REPLACEMENT_OPEN: Final = "ReplacementOpen"
"""The error code of actions that are not ended, or not tried, since a replacement in their target isn't whole."""


def _empty() -> Mapping[str, str]:
    """`EMPTY` as a field's default: Python 3.11 refuses the value itself, since it can't be hashed."""
    return EMPTY


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account in one Region. An empty `account` stands for the caller's own, not yet looked up.

    Offline, `account` may be a selector (`ou:OU-ID`, `org:*`, `tag:KEY=VALUE`), not yet resolved.
    """

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account or '(caller)'}/{self.region or '(default)'}"


@dataclass(frozen=True, slots=True)
class Directory:
    """An organization, as far as the selectors of a run need it."""

    statuses: Mapping[str, str] = field(default_factory=_empty)
    """Every account's id to its status: `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, …"""
    units: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of the units that were asked for: the ids of the accounts in each and in its children. Unknown ones lack."""
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The tags of active accounts by id; empty where they weren't asked for."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as a reader found it: column names to cells, before anything is understood.

    Cells of text formats are strings; JSON's may be numbers, booleans, lists and objects too.
    Tags come as `tag:KEY` columns or as an object (or AWS's list of Key/Value) under `tags`.
    """

    line: int
    cells: Mapping[str, Any]
    row: int = 0
    """Which of the rows that begin on the line, from 1 on; 0 where it is the only one."""


# The two values that are made for each row, some of them several times. The constructor that `dataclass` writes for a
# frozen class sets field by field through the class's own lock: three times as long, a seventh of what a row takes.


@dataclass(frozen=True, init=False)
class Request:
    """One row of a manifest. Empty tuples and None mean "not given": the config's defaults apply."""

    file: str
    line: int
    name: str | None
    models: tuple[str, ...]
    description: str | None
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    tags: Mapping[str, str]
    attributes: Mapping[str, str]
    """The row's other columns (`team`, `app`, `env`, …), for rules to use."""
    disown: bool
    """Whether its profiles are to be let go of: they stay, without the tags that say whose they are."""
    row: int
    """Which of the rows that begin on its line, from 1 on; 0 where it is the only one. File and line don't tell those
    of a JSON array apart that is written on one line.
    """

    def __init__(
        self,
        file: str,
        line: int,
        name: str | None = None,
        models: tuple[str, ...] = (),
        description: str | None = None,
        accounts: tuple[str, ...] = (),
        regions: tuple[str, ...] = (),
        tags: Mapping[str, str] = EMPTY,
        attributes: Mapping[str, str] = EMPTY,
        *,
        disown: bool = False,
        row: int = 0,
    ) -> None:
        vars(self).update(
            file=file,
            line=line,
            name=name,
            models=models,
            description=description,
            accounts=accounts,
            regions=regions,
            tags=tags,
            attributes=attributes,
            disown=disown,
            row=row,
        )


@dataclass(frozen=True, init=False)
class DesiredProfile:
    """What should exist in one target.

    Rules build it in steps, and plugins see each step: `name` is empty until a naming rule answered,
    and `tags` holds what is merged so far.
    """

    request: Request
    target: Target
    model: str
    """As the manifest writes it: an alias, an id or an ARN."""
    source: str
    """`model` with the config's alias resolved: a model id, a system profile id or an ARN."""
    name: str
    description: str | None
    tags: Mapping[str, str]

    def __init__(
        self,
        request: Request,
        target: Target,
        model: str,
        source: str,
        name: str = "",
        description: str | None = None,
        tags: Mapping[str, str] = EMPTY,
    ) -> None:
        vars(self).update(
            request=request, target=target, model=model, source=source, name=name, description=description, tags=tags
        )


@dataclass(frozen=True, slots=True)
class ObservedProfile:
    """What AWS says exists. `tags` is None while they are not known."""

    arn: str
    name: str
    model_arns: tuple[str, ...]
    description: str | None = None
    tags: Mapping[str, str] | None = None


class ActionKind(StrEnum):
    """What a plan means to do with one profile."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    NONE = "none"


class OutcomeKind(StrEnum):
    """What became of an action. Every action ends as exactly one of these."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    ADOPTED = "adopted"
    UPDATED = "updated"
    REPLACED = "replaced"
    DELETED = "deleted"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def is_failure(self) -> bool:
        """Whether the action failed, or may have."""
        return self in FAILURES

    @property
    def needs_attention(self) -> bool:
        """Whether people have to look at the row: it failed, is unknown, or wasn't tried."""
        return self in NEED_ATTENTION

    @property
    def is_change(self) -> bool:
        """Whether something in AWS is different now."""
        return self in CHANGED


FAILURES: Final = (OutcomeKind.FAILED, OutcomeKind.UNKNOWN)
"""What counts as failed: also an action that may be done or not."""
NEED_ATTENTION: Final = (*FAILURES, OutcomeKind.SKIPPED)
"""What people have to look at, and what keeps a run from ending with 0."""
CHANGED: Final = tuple(kind for kind in OutcomeKind if kind not in {*NEED_ATTENTION, OutcomeKind.UNCHANGED})
"""What made something in AWS different."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an action can't be done; its outcome, failed or another, takes no call."""

    code: str
    message: str
    outcome: OutcomeKind = OutcomeKind.FAILED


@dataclass(frozen=True, slots=True)
class Action:
    """One planned change of one profile in one target: a row of the run file."""

    id: int
    target: Target
    kind: ActionKind
    name: str
    file: str = ""
    line: int = 0
    model: str = ""
    """As the manifest writes it."""
    source: str = ""
    """`model` with its alias resolved: a model id, a system profile id or an ARN."""
    source_arn: str = ""
    """What the profile is made from in its target: `source`, found there."""
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=_empty)
    """All tags that the manifest and rules declare, the ownership tag among them. A disowned row has no such tag."""
    arn: str = ""
    """The observed profile's ARN, for every kind but create."""
    set_tags: Mapping[str, str] = field(default_factory=_empty)
    remove_tags: tuple[str, ...] = ()
    reason: str = ""
    """Why, for people: the tag keys that differ, or the old and new model."""
    refusal: Refusal | None = None
    old: Mapping[str, str] = field(default_factory=_empty)
    """What is there now of what changes: `tag:KEY`, `model`, `description`. Of a creation, where a profile looks like
    the same one under an old name: its `name` and `arn`.
    """
    row: int = 0
    """As in its `Request`."""


class Turn(IntEnum):
    """The order in which a target's actions are carried out: what is missing, what changes places, all the rest."""

    LOST = 0
    """Creations of names that a replacement left without a profile."""
    REPLACE = 1
    REST = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action, with everything that a results line needs."""

    action_id: int
    target: Target
    name: str
    kind: OutcomeKind
    file: str = ""
    line: int = 0
    arn: str = ""
    old_arn: str = ""
    """The ARN that a replacement took out of use."""
    model: str = ""
    tags: Mapping[str, str] = field(default_factory=_empty)
    attempts: int = 0
    """Calls sent for this action, throttled ones included."""
    error_code: str = ""
    error_message: str = ""
    source_arn: str = ""
    """What the profile is made from in its target; empty where that was never found out, as for deletions."""
    description: str = ""
