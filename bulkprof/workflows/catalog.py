"""The use case `catalog`: the profiles that exist, as the programs that call them want to be told.

It reads a run file, or AWS itself, and writes text: on stdout, or files, one for each value of a field.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread

from bulkprof.aws.s3_text import write_text as write_object
from bulkprof.catalog.entries import CatalogEntry, CatalogFormat
from bulkprof.catalog.selection import PathTemplate, Where
from bulkprof.config import split_s3_uri
from bulkprof.errors import (
    AwsError,
    ExitCode,
    KeysNotAwaitedError,
    RunInterruptedError,
    StateError,
    UsageError,
    unwrapped,
)
from bulkprof.model import EMPTY, ObservedProfile, Target
from bulkprof.planning.diff import owner
from bulkprof.planning.observe import observe
from bulkprof.plugins.catalog import catalog_formats
from bulkprof.plugins.registry import Registry
from bulkprof.profiles.catalogue import ModelSource
from bulkprof.reports.catalog import Callers, Standing, entries_of, place_of
from bulkprof.reports.known_before import known_before
from bulkprof.statuses import CARRIED_OUT
from bulkprof.stop import Stop, StopRequestedError
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import is_plan
from bulkprof.store.run import RunFile
from bulkprof.system.files import write_text as write_file
from bulkprof.ui import Ui
from bulkprof.workflows.disown import DISOWN
from bulkprof.workflows.options import Options
from bulkprof.workflows.steps.connect import connect, wait_for_lists
from bulkprof.workflows.steps.connection import Connection
from bulkprof.workflows.steps.context import Workspace
from bulkprof.workflows.steps.remote.directory import state_directory
from bulkprof.workflows.steps.resolve import Walk, chosen_targets
from bulkprof.workflows.steps.sandbox import check_sandbox


@dataclass(slots=True)
class Catalog:
    """The entries, and what is not among them."""

    entries: list[CatalogEntry] = field(default_factory=list)
    missing: list[CatalogEntry] = field(default_factory=list)
    """Profiles that the run was to make and didn't; they have no ARN."""
    gone: list[CatalogEntry] = field(default_factory=list)
    """Profiles that the run deleted."""
    foreign: int = 0
    """Profiles of other estates, or of none; only AWS itself tells them."""
    unreachable: dict[Target, AwsError] = field(default_factory=dict)
    """The targets that couldn't be read."""
    left_out: list[str] = field(default_factory=list)
    """What the format can't say, a line for each profile."""
    files: list[str] = field(default_factory=list)
    """The files that were written."""

    @property
    def exit_code(self) -> ExitCode:
        """Whether the catalog is all there is."""
        return ExitCode.ROWS_FAILED if self.left_out or self.missing or self.unreachable else ExitCode.DONE


async def recorded(options: Options, run_id: str | None = None, ui: Ui | None = None) -> Catalog:
    """Return the catalog of a run, by default the newest one.

    Raises `UsageError` where there is none, it is a plan that wasn't carried out, or flags of a sandbox miss theirs.
    """
    check_sandbox(options)
    return await anyio.to_thread.run_sync(_recorded, options, run_id, ui or Ui())


def _recorded(options: Options, run_id: str | None, ui: Ui) -> Catalog:
    state = state_directory(options, ui.warn)
    estate = options.config.settings.estate
    path = state.find(run_id) if run_id else _newest(state, estate, sandbox=options.sandbox)
    with RunFile.look_at(path) as run:
        run.check()
        details = run.details()
        if is_plan(run):
            named = run_id or details.id
            raise UsageError(f"{named} is a plan that was not carried out: it has no ARNs; apply it first")
        found = Catalog()
        lists = {Standing.THERE: found.entries, Standing.MISSING: found.missing, Standing.GONE: found.gone}
        for standing, entry in entries_of(run.results(), details, options.config.settings):
            lists[standing].append(entry)
        wanted = {place_of(entry) for entry in found.missing}
        before = list(known_before(state, run, options.config.settings, wanted))
        found.entries.extend(before)
        known = {place_of(entry) for entry in before}
        found.missing = [entry for entry in found.missing if place_of(entry) not in known]
        return found


def _newest(state: StateDirectory, estate: str, *, sandbox: bool) -> Path:
    """Return the estate's newest run that made profiles or left them: no plan, nor one that was refused.

    A run in the sandbox is one for the sandbox only: callers would look for its ARNs in vain.
    """
    elsewhere = ""
    for run_id, run in state.open_all():
        if isinstance(run, StateError):
            raise run
        details = run.details()
        if details.estate == estate and details.status in CARRIED_OUT and details.command != DISOWN:
            if details.sandbox == sandbox:
                return state.run_path(run_id)
            elsewhere = elsewhere or run_id
    raise UsageError(f"no run of estate {estate!r} in {state.runs}{_where_else(elsewhere, sandbox=sandbox)}")


def _where_else(run_id: str, *, sandbox: bool) -> str:
    if run_id and not sandbox:
        return f", but {run_id} in the sandbox: --sandbox takes that one"
    if run_id:
        return f" was in the sandbox; without --sandbox, it is {run_id}"
    return "; --live asks AWS, --state-dir looks elsewhere"


async def live(options: Options | None = None, ui: Ui | None = None, stop: Stop | None = None) -> Catalog:
    """Return the catalog of what exists and carries the estate's ownership tag, read from AWS.

    Accounts and Regions are those of the options, by default those of a row that names none. When no target can be
    read, its error is raised.
    """
    work = Workspace(options or Options(), ui or Ui(), stop or Stop())
    found = Catalog()
    try:
        with unwrapped():
            async with connect(work) as connection:
                caller, targets = await chosen_targets(work, connection, "read")
                await wait_for_lists(work)
                reader = _Reader(connection, Callers.of(work.settings.catalog, caller.account), found)
                await Walk(work, connection, reader.read, found.unreachable).over(targets)
    except (StopRequestedError, KeysNotAwaitedError):
        raise RunInterruptedError("", code=work.stop.exit_code, reason=work.stop.reason) from None
    return found


@dataclass(frozen=True, slots=True)
class Layout:
    """What a catalog's text looks like, and where it goes."""

    form: CatalogFormat
    where: Where = field(default_factory=Where)
    out: PathTemplate | None = None
    """None for a single text that isn't written to a file."""


def layout(options: Options, form: str, where: Sequence[str] = (), out: str | None = None) -> Layout:
    """Return the layout that flags ask for. Raises `UsageError` for what they can't be, `PluginError`."""
    formats = catalog_formats(Registry(options.config.settings.plugins, options.config.directory))
    if form not in formats:
        near = difflib.get_close_matches(form.lower(), formats, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"the formats are {', '.join(formats)}"
        raise UsageError(f"--format {form}: there is no such format; {remedy}")
    chosen = parse_where(where)
    try:
        path = None if out is None else _path(out)
    except ValueError as error:
        raise UsageError(f"--out {out}: {error}") from None
    return Layout(formats[form], chosen, path)


def parse_where(where: Sequence[str]) -> Where:
    """Return the filter that flags ask for. Raises `UsageError`."""
    try:
        return Where.parse(where)
    except ValueError as error:
        raise UsageError(f"--where {error}") from None


def _path(out: str) -> PathTemplate:
    """Return where to write. Raises `ValueError` for what can't be, as far as that is known before the entries are."""
    path = PathTemplate(out)
    if out.startswith("s3://"):
        split_s3_uri(out)
    elif not out or out.endswith("/") or Path(out).is_dir():
        raise ValueError("names no file")
    return path


def texts(found: Catalog, asked: Layout) -> dict[str, str]:
    """Return the texts by path, or the only one under an empty path.

    What the filter leaves out goes from `found`; what the format leaves out is added to it. Raises `UsageError`.
    """
    choose(found, asked.where)
    if asked.out is None:
        made = asked.form(found.entries)
        found.left_out.extend(made.left_out)
        return {"": made.text}
    try:
        of_path, without = asked.out.files(found.entries, found.gone)
    except ValueError as error:
        raise UsageError(f"--out {asked.out.text}: {error}") from None
    found.left_out.extend(without)
    made_of = {path: asked.form(of_file) for path, of_file in of_path.items()}
    for made in made_of.values():
        found.left_out.extend(made.left_out)
    return {path: made.text for path, made in made_of.items()}


def choose(found: Catalog, where: Where) -> None:
    """Leave in `found` what fits the filter.

    Raises `UsageError` where that is nothing, which is never taken for an empty catalog.
    """
    entries, gone = where.chosen(found.entries), where.chosen(found.gone)
    found.missing = where.chosen(found.missing)
    if found.entries and not (entries or gone or found.missing):
        raise UsageError(f"--where {where}: fits none of {len(found.entries)} profiles; nothing was written")
    found.entries, found.gone = entries, gone


async def write(found: Catalog, files: Mapping[str, str], options: Options, ui: Ui, stop: Stop) -> None:
    """Write the files, each whole or not at all. Raises `StateError`, `AwsError`."""
    local = {path: text for path, text in files.items() if not path.startswith("s3://")}
    for path, text in local.items():
        await anyio.to_thread.run_sync(write_file, Path(path), text)
        found.files.append(path)
    remote = {path: text for path, text in files.items() if path not in local}
    if remote:
        async with connect(Workspace(options, ui, stop)) as connection:
            for path, text in remote.items():
                await write_object(connection.sessions.client, path, text)
                found.files.append(path)


@dataclass(slots=True)
class _Reader:
    """Reads a target's profiles into the catalog."""

    connection: Connection
    callers: Callers
    found: Catalog

    async def read(self, target: Target) -> None:
        async with self.connection.open(target) as opened:
            rules = self.connection.rules
            for profile in await observe(opened.api, opened.lane.call):
                if owner(profile, rules) != rules.estate:
                    self.found.foreign += 1
                    continue
                # A replaced one is kept for callers that have its ARN already; no one else should take it up.
                if not rules.retirement.marks(profile.tags or EMPTY):
                    source = opened.source_of(profile) if opened.source_of else None
                    self.found.entries.append(self._entry(target, profile, source or ""))

    def _entry(self, target: Target, profile: ObservedProfile, source_arn: str) -> CatalogEntry:
        return CatalogEntry(
            name=profile.name,
            arn=profile.arn,
            account=target.account,
            region=target.region,
            source_arn=source_arn,
            model_id=ModelSource(source_arn, frozenset(profile.model_arns)).model_id,
            model=source_arn.rpartition("/")[2],
            description=profile.description or "",
            tags=profile.tags or {},
            foreign=self.callers.is_foreign(target.account),
            role_arn=self.callers.role_arn(target.account, profile.arn),
            model_arns=profile.model_arns,
        )
