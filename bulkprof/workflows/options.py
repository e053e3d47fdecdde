"""How a use case is to go about its work: the options of a program, the flags of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from pathlib import Path
from types import UnionType
from typing import IO, Any, Final, Literal, TypeAlias, cast

from bulkprof.config import Config
from bulkprof.errors import UsageError
from bulkprof.system.files import check_on_disk

StrPath: TypeAlias = str | os.PathLike[str]
"""A path, or its text."""


class PathField:
    """A field of `Options` that takes a path in any form, and holds a `Path`; so type checkers see both."""

    def __init__(self, default: str) -> None:
        self._default = Path(default)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, options: object | None, owner: type[Any]) -> Path:
        """Return the path; of the class itself the default, for which `dataclass` asks."""
        return self._default if options is None else cast("Path", vars(options)[self._name])

    def __set__(self, options: object, value: StrPath) -> None:
        """Keep the path. Raises `TypeError` for what is none."""
        vars(options)[self._name] = path_of(value, self._name)


class OptionalPathField:
    """A `PathField` that holds None where no path is given."""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, options: object | None, owner: type[Any]) -> Path | None:
        """Return the path, if there is one."""
        return None if options is None else cast("Path | None", vars(options)[self._name])

    def __set__(self, options: object, value: StrPath | None) -> None:
        """Keep the path, if it is one. Raises `TypeError` for what is neither."""
        vars(options)[self._name] = None if value is None else path_of(value, self._name)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a use case is to go about its work; the command line's flags have the same names."""

    config: Config = field(default_factory=Config)
    state_dir: PathField = PathField(".bulkprof")
    sandbox: bool = False
    """Work in the sandbox instead of AWS."""
    sandbox_latency: float | None = None
    """Milliseconds that pass in the sandbox before each answer."""
    sandbox_rate: float | None = None
    """Calls a second that the sandbox takes, per account, Region and operation, before it throttles."""
    sandbox_quota: int | None = None
    """Profiles that fit in an account and Region of the sandbox."""
    sandbox_fault: Sequence[str] = ()
    """What goes wrong in the sandbox: names of faults, or `NAME=SHARE` for a share of the calls (`throttle=0.1`)."""
    skip_invalid: bool = False
    """Go on without the rows that have problems."""
    replace: bool = False
    """Replace profiles whose model or description differs; they get a new ARN."""
    prune: bool = False
    """Delete the estate's profiles that no manifest wants, in the targets that manifests cover."""
    allow_deletions: int | None = None
    """Delete at most so many profiles in this run, whatever the caps of the config are."""
    allow_updates: int | None = None
    """Change or remove tags of at most so many, whatever the caps are."""
    allow_replacements: int | None = None
    """Replace at most so many, whatever the caps are."""
    accounts: Sequence[str] = ()
    """Work in these accounts only: ids, aliases or selectors; a string is a single one."""
    not_accounts: Sequence[str] = ()
    """Leave these accounts out."""
    regions: Sequence[str] = ()
    """Work in these Regions only."""
    results: OptionalPathField = OptionalPathField()
    """Where the results file goes: .csv, .jsonl or .xlsx."""
    results_columns: bool = False
    """Keep the manifests' own columns, for the results of this run and of later reports; workbooks' are kept always."""
    failed: OptionalPathField = OptionalPathField()
    """Where the rows that didn't end in order go, in manifest form: .csv or .jsonl."""
    csv_cells: Literal["safe", "raw"] | None = None
    """Whether no spreadsheet runs the cells of CSV files (`=1+1` gets a `'` in front), or cells are the very values.
    None: safe in results, raw in manifests (`failed`, `export`), which are read again.
    """
    failure_tolerance: str | None = None
    """How many profiles may fail before the run stops: a share such as `5%` or a count."""
    deadline: str | None = None
    """When the run has to be over: `2h`, `06:00`, or an ISO date and time. What it doesn't reach stays open."""
    max_targets_in_flight: int | None = None
    """How many targets are worked in at once, instead of what the config says."""
    engine: Literal["none", "dask"] | None = None
    """What carries the run out, instead of what the config says: `dask`, or `none` for this process."""
    scheduler: str | None = None
    """The address of dask's scheduler, such as `tcp://host:8786`. Without one, workers are started on this machine."""
    processes: int = 1
    """How many processes, at most, understand large manifests at the same time. Each loads the plugins for itself."""
    stdin: IO[bytes] | None = None
    """What the manifest `-` reads; the process's standard input by default."""

    plugins: Mapping[str, object] = field(default_factory=dict)
    """Plugins that are objects of the program, by name: their hooks are called after those of the config's plugins."""
    flags: bool = False
    """Whether errors name flags (`--state-dir`), as the command line's have to, and not parameters (`state_dir`)."""

    def __post_init__(self) -> None:
        """Let a string stand for a list of one. Raises `TypeError` for what can't be meant.

        Raises `UsageError` for a number that is too small, and a word that isn't among those there are.
        """
        if not isinstance(self.config, Config):
            raise TypeError(f"config is what load_config(FILE) answers, not {type(self.config).__name__}")
        if not isinstance(self.plugins, Mapping):
            raise TypeError(f"plugins are objects by their names, not {type(self.plugins).__name__}")
        for names, kind, what in _KINDS:
            for name in names:
                check_kind(getattr(self, name), name, kind, what)
        for name in ("allow_deletions", "allow_updates", "allow_replacements"):
            if (getattr(self, name) or 0) < 0:
                raise UsageError(f"{name} is how many there may be, so it can't be {getattr(self, name)}")
        if self.processes < 1:
            raise UsageError(f"processes is a number from 1 on, not {self.processes}")
        check_on_disk("--state-dir" if self.flags else "state_dir", self.state_dir, "`s3` in [state] keeps runs in S3")
        if self.csv_cells not in {None, "safe", "raw"}:
            raise UsageError(f"csv_cells is 'safe' or 'raw', not {self.csv_cells!r}")
        stdin: Any = self.stdin
        if stdin is not None and (isinstance(stdin, TextIOBase) or not hasattr(stdin, "read")):
            raise TypeError(f"stdin is a binary stream, such as io.BytesIO, not {type(stdin).__name__}")
        for name in ("accounts", "not_accounts", "regions", "sandbox_fault"):
            object.__setattr__(self, name, several(getattr(self, name), name))


_KINDS: Final[Sequence[tuple[Sequence[str], type | UnionType, str]]] = (
    (("sandbox", "skip_invalid", "replace", "prune", "results_columns", "flags"), bool, "True or False"),
    (("allow_deletions", "allow_updates", "allow_replacements"), int | None, "a number"),
    (("sandbox_quota", "max_targets_in_flight"), int | None, "a number"),
    (("processes",), int, "a number"),
    (("sandbox_latency", "sandbox_rate"), float | int | None, "a number"),
    (("failure_tolerance", "deadline", "csv_cells", "engine", "scheduler"), str | None, "a string"),
)
"""Fields of `Options`, with what they hold, for Python and in words."""


def check_kind(value: Any, name: str, kind: type | UnionType, what: str) -> None:
    """Raise `TypeError` where the parameter `name` got a value of another kind than `kind`, which is `what`."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {what}, not {type(value).__name__} ({value!r})")


def text_of(value: Any, name: str) -> str:
    """Return the text of a path that the parameter `name` got. Raises `TypeError` for what is none."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if not isinstance(text, str):
        what = "are paths" if name in {"manifests", "shares"} else "is a path"
        raise TypeError(f"{name} {what}, not {type(value).__name__} ({value!r})")
    return text


def path_of(value: Any, name: str) -> Path:
    """Return the path that the parameter `name` got. Raises `TypeError` for what is none."""
    return Path(text_of(value, name))


def file_of(value: Any, name: str) -> str:
    """Return the text of a path, or of an address in S3. Raises `TypeError` for what is neither."""
    text = text_of(value, name)
    if not isinstance(value, str) and text.startswith("s3:"):
        raise TypeError(f"{text}: write an address in S3 as a string, since a Path keeps one slash of two")
    return text


def several(values: str | Iterable[str], name: str) -> tuple[str, ...]:
    """The values of an option that takes several strings; a single one needs no list, and isn't read as its letters.

    Raises `TypeError` for anything else.
    """
    given = (values,) if isinstance(values, str) or not isinstance(values, Iterable) else tuple(values)
    for value in given:
        if not isinstance(value, str):
            raise TypeError(f"{name} takes strings, not {type(value).__name__} ({value!r})")
    return given
