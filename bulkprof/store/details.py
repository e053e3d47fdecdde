"""What a run file says of its run as a whole: its id, flags, status, end, and what other runs need to know of it.

Each field is kept as a JSON value under its name in the table `meta`, so a name that is in use is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Any, TypedDict, get_type_hints

from bulkprof.statuses import RunStatus
from bulkprof.store.errors import DamageError
from bulkprof.store.rows import word

NOT_WAITED = "never"
"""Stands for no moment at all: no sign of life looks like it."""


class Notes(TypedDict, total=False):
    """The fields that change after a run's start."""

    status: RunStatus
    account: str
    unreachable: tuple[tuple[str, str], ...]
    canary: tuple[tuple[str, str], ...]
    canary_passed: bool
    canary_failed: int
    disown: tuple[str, ...]
    results_columns: bool
    unwanted: int
    unwanted_first: tuple[tuple[str, ...], ...]
    fetched: Mapping[str, str]
    token_seed: str
    interrupted: bool
    alive: Any
    waited_for: Any
    links: Mapping[str, str]
    batches: Mapping[str, int]
    models: Mapping[str, str]
    routes: Mapping[str, Sequence[str]]
    sheets: Mapping[str, Mapping[str, str]]
    knows_lost: float
    stopped: str
    elapsed_s: float
    ended_at: str
    slice_s: int
    summary: Mapping[str, Any] | None
    exit_code: int | None
    error: str
    share: Mapping[str, Any]
    seen: Mapping[str, Any]
    learned: Mapping[str, Any]
    shares: Mapping[str, Any]
    lease_s: float


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run as a whole. A field that the file doesn't have is as by default."""

    id: str
    status: RunStatus = RunStatus.INTAKE
    command: str = ""
    estate: str = ""
    started_at: str = ""
    manifests: tuple[str, ...] = ()
    fetched: Mapping[str, str] = field(default_factory=dict)
    """The objects of S3 that config and manifests were read from, each with its version id or ETag."""
    skip_invalid: bool = False
    replace: bool = False
    prune: bool = False
    sandbox: bool = False
    results_columns: bool = False
    """Whether the manifests' rows are kept as they are written, for the results."""
    allow_deletions: int | None = None
    allow_updates: int | None = None
    allow_replacements: int | None = None
    """How many changes of a kind it may make, whatever the caps are."""
    accounts: tuple[str, ...] = ()
    not_accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    disown: tuple[str, ...] = ()
    """Names of profiles that it lets go of, where no manifest says so."""
    account: str = ""
    """The caller's own."""
    unreachable: tuple[tuple[str, str], ...] = ()
    """Accounts and Regions that could not be planned."""
    canary: tuple[tuple[str, str], ...] = ()
    """Accounts and Regions that are changed before all others."""
    canary_passed: bool = False
    """Whether they were, and the others may follow."""
    canary_failed: int = 0
    """How many profiles failed there, where that stopped the run: it goes on where as many are tolerated."""
    unwanted: int = 0
    """Profiles of the estate that no manifest wants, where nothing deletes them."""
    unwanted_first: tuple[tuple[str, ...], ...] = ()
    """The first of them: account, Region, name, ARN."""
    token_seed: str = ""
    """What idempotency tokens are derived from, where that isn't the id."""
    interrupted: bool = False
    """Whether it was stopped before its first change; its status says how far it came."""
    alive: Any = None
    """The moment of its last sign of life, as `clocks.moment` returns it."""
    waited_for: Any = NOT_WAITED
    """The `alive` up to which a later run has waited for what this one may have sent."""
    links: Mapping[str, str] = field(default_factory=dict)
    """What sinks returned at its end, by the sinks' names."""
    batches: Mapping[str, int] = field(default_factory=dict)
    """Up to which outcome the batch goes that a sink was given last, for sinks that get the same batch again."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The foundation model behind each system profile that a profile is made from, by id."""
    routes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The ARNs of the models that each of them routes to, by its Region and id: `us-east-1/us.amazon.…`."""
    sheets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The sheets of workbooks among the manifests: by label, the letters of their columns."""
    knows_lost: float = 0.0
    """When it was last told, or found out, which names are without a profile, in epoch seconds."""
    stopped: str = ""
    """Why it was stopped, where that wasn't by a signal."""
    elapsed_s: float = 0.0
    ended_at: str = ""
    """When it came to its last end, UTC, ISO 8601; empty in files of earlier versions."""
    slice_s: int = 1
    """How many seconds long the slices of time are that its calls are counted in."""
    summary: Mapping[str, Any] | None = None
    exit_code: int | None = None
    """How a run ended that was refused."""
    error: str = ""
    share: Mapping[str, Any] = field(default_factory=dict)
    """Of a share: what it carries besides its rows, as `shares.carried` reads it. Empty in a run's own file."""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """Of a share whose targets were planned: what was counted there."""
    learned: Mapping[str, Any] = field(default_factory=dict)
    """Of a share: the rates that were learned there."""
    shares: Mapping[str, Any] = field(default_factory=dict)
    """Of a run: what came home of its shares, so that their calls are counted once."""

    lease_s: float = 0.0
    """Seconds that workers elsewhere may go on after the run's last sign of life."""

    def as_json(self) -> dict[str, Any]:
        """Return the values to keep in a new file: those that aren't as by default, and what every file says."""
        plain = RunDetails(self.id)
        values = {each.name: (getattr(self, each.name), getattr(plain, each.name)) for each in fields(self)}
        return {name: value for name, (value, default) in values.items() if name in _ALWAYS or value != default}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunDetails:
        """Read the values of a file. Raises `DamageError` for one that no run writes."""
        return cls(**{name: _checked(name, values[name]) for name in _TYPES if name in values})


_ALWAYS = frozenset({"id", "status"})
_TYPES = get_type_hints(RunDetails)
_STORED: Mapping[Any, tuple[type, ...]] = {
    RunStatus: (str,),
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    int | None: (int, NoneType),
    tuple[str, ...]: (list,),
    tuple[tuple[str, str], ...]: (list,),
    tuple[tuple[str, ...], ...]: (list,),
    Mapping[str, str]: (dict,),
    Mapping[str, Sequence[str]]: (dict,),
    Mapping[str, int]: (dict,),
    Mapping[str, Mapping[str, str]]: (dict,),
    Mapping[str, Any]: (dict,),
    Mapping[str, Any] | None: (dict, NoneType),
}
"""How a field of each type looks as a JSON value, where it isn't `Any`."""


def _checked(name: str, value: Any) -> Any:
    """Return a JSON value as one of the field's type. Raises `DamageError` where it isn't one."""
    kind = _TYPES[name]
    if kind is Any:
        return value
    if not isinstance(value, _STORED[kind]):
        raise DamageError(f"its {name} is of another type")
    if kind is RunStatus:
        return word(RunStatus, value)
    if isinstance(value, list):
        return tuple(tuple(part) if isinstance(part, list) else part for part in value)
    return value
