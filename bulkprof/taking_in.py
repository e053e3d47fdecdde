"""From manifests to desired profiles in targets: rows are read, rules applied, accounts and Regions settled.

The first reading is offline and leaves open what only AWS can tell: the caller's own account and Region, and which
accounts a selector chooses. Where anything is open, or filters are set, the rows are read a second time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice

from bulkprof.aws import Caller
from bulkprof.delivery.ui import OnlyNew, Ui
from bulkprof.errors import BulkprofError, ManifestError, RegionError, UsageError
from bulkprof.execution.fleet import Fleet
from bulkprof.execution.rows import Desired
from bulkprof.execution.runfile import RunFile
from bulkprof.execution.wanted import Clash
from bulkprof.intake import merge_readers
from bulkprof.model import Problem, Target
from bulkprof.portions import Portion, Reading
from bulkprof.rules import Rules
from bulkprof.rules.accounts import Accounts, is_settled
from bulkprof.sharing import ShareLostError, processes, shared_portions
from bulkprof.workspace import Workspace

PROBLEMS = 100
"""How many problems the error of a run carries that they stopped; the `Ui` is told all of them."""
HELD = 2_000
"""Desired profiles of rows without a problem that are held before they are written."""


async def take_in(work: Workspace, run: RunFile, manifests: Sequence[str], rules: Rules, ui: Ui) -> int:
    """Read manifests, apply rules, and write desired profiles and problems to the run file; answers the rows read.

    Problems are told as they are found. Rows with a problem are left out whole. Whether the run may go on with the
    rest is the caller's to decide. Raises `StopRequestedError` when the run stops meanwhile.
    """
    reading = Reading(manifests, merge_readers(work.registry), rules, run.form, await work.stdin(manifests))
    # Resolved accounts are remembered by the rules themselves, which every process has for itself.
    most = 1 if rules.accounts.are_resolved else work.options.processes
    count = processes(manifests, work.registry, most)
    if count > 1:
        try:
            return await _take(work, run, shared_portions(reading, count), ui)
        except ShareLostError:
            ui = OnlyNew(ui, await _start_again(run))
    return await _take(work, run, reading.portions(), ui)


async def _start_again(run: RunFile) -> set[tuple[str, int, str, str]]:
    """Forget what was taken in, and answer the places of the problems that were told."""
    told = await run.off_loop(lambda: {problem.place for problem in run.problems()})
    await run.off_loop(run.clear_intake)
    return told


async def _take(work: Workspace, run: RunFile, portions: AsyncGenerator[Portion, None], ui: Ui) -> int:
    rows = 0
    keeper = _Keeper(run, ui)
    with ui.progress("reading rows", 0) as progress:
        async with keeper, aclosing(portions):
            async for portion in portions:
                await work.stop.pause(0)
                await keeper.take(portion)
                rows += portion.rows
                progress.step(portion.rows)
    await run.off_loop(run.end_intake)
    return rows


class _Keeper:
    """Writes what rows come to. Profiles are held until there are many: a hand-over costs as much as some rows."""

    def __init__(self, run: RunFile, ui: Ui) -> None:
        self._run = run
        self._ui = ui
        self._held: list[Desired] = []

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        # Where the run ends in an error of a later row, those of earlier ones are told nevertheless.
        if self._held and (kind is None or issubclass(kind, BulkprofError)):
            await self._write(())

    async def take(self, portion: Portion) -> None:
        """Take it in, and tell its problems, also those of equal names, in the order of the rows."""
        if portion.problems and self._held:
            await self._write(())
        self._held.extend(portion.wanted)
        if portion.problems or len(self._held) >= HELD:
            await self._write(portion.problems)

    async def _write(self, problems: Sequence[Problem]) -> None:
        held, self._held = self._held, []
        for problem in await self._run.off_loop(partial(_store, self._run, held, problems)):
            self._ui.problem(problem)


def _store(run: RunFile, profiles: Sequence[Desired], problems: Sequence[Problem]) -> list[Problem]:
    """Write them; answers the problems, with those of equal names."""
    clashes = run.add_desired(profiles)
    found = [*problems, *_clash_problems(clashes)]
    run.add_problems(found)
    for clash in clashes:
        # Nobody can say which of the two is meant, so neither is made.
        run.add_invalid(clash.first_file, clash.first_line)
    return found


def _clash_problems(clashes: Iterable[Clash]) -> Iterator[Problem]:
    """One problem for each two rows and name, however many targets they meet in."""
    met: dict[tuple[str, int, str, str, int], list[Target]] = {}
    for clash in clashes:
        key = (clash.file, clash.line, clash.name, clash.first_file, clash.first_line)
        met.setdefault(key, []).append(clash.target)
    for (file, line, name, first_file, first_line), targets in met.items():
        where = str(targets[0]) if len(targets) == 1 else f"{len(targets)} targets ({targets[0]}, …)"
        yield Problem(
            f"the same name in {where} as {first_file}:{first_line}",
            file=file,
            line=line,
            column="name",
            value=name,
            remedy="give one of them another name, account or region",
        )


async def settle(work: Workspace, run: RunFile, fleet: Fleet, manifests: Sequence[str]) -> tuple[Caller, list[Target]]:
    """Fill in accounts and Regions, and answer the caller and the run's targets.

    Raises `ManifestError` for rows that turn out invalid, `UsageError` where the filters leave nothing, and `AwsError`
    when AWS doesn't tell.
    """
    targets = await run.off_loop(run.targets)
    region = fleet.sessions.region
    if not region and any(not target.region for target in targets):
        raise RegionError(
            "no Region: give rows a `region` column, set [defaults] region in bulkprof.toml, or set AWS_REGION",
            code="NoRegion",
        )
    near = next((target.region for target in targets if target.region), "")
    caller = await fleet.caller(near=near)
    if not work.filters and all(map(is_settled, targets)):
        return caller, targets
    selectors = work.accounts().needed_selectors(targets)
    accounts = work.accounts(await fleet.directory(selectors, near=near))
    # Names and duplicates may depend on accounts, so the rows are read again rather than patched.
    told = await _start_again(run)
    rules = work.rules(caller.account, region, accounts)
    await take_in(work, run, manifests, rules, OnlyNew(work.ui, told))
    targets = await run.off_loop(run.targets)
    _tell(work, accounts, targets)
    if work.filters and not targets and not run.invalid_count():
        raise UsageError(f"{work.filters} leaves nothing of what the manifests ask for; nothing was changed")
    require_rows(run, skip_invalid=work.options.skip_invalid)
    return caller, targets


def _tell(work: Workspace, accounts: Accounts, targets: Sequence[Target]) -> None:
    if left_out := accounts.left_out:
        statuses = ", ".join(f"{account} ({status})" for account, status in sorted(left_out.items()))
        count = "1 account that isn't" if len(left_out) == 1 else f"{len(left_out)} accounts that aren't"
        work.ui.note(f"left out {count} active: {statuses}")
    for unused in accounts.unused_filters(targets) if targets else ():
        work.ui.warn(f"{unused}: no row asks for it")


def require_rows(run: RunFile, *, skip_invalid: bool) -> None:
    """Raise `ManifestError` when rows are invalid (unless they may be skipped) or none are left."""
    invalid = run.invalid_count()
    if invalid and not skip_invalid:
        raise ManifestError(
            f"{_count(run.error_count(), 'problem')} in {_count(invalid, 'row')}; nothing was changed. "
            "Mend them, or go on with the rest: --skip-invalid",
            list(islice(run.problems(), PROBLEMS)),
        )
    if not run.action_counts()[0]:
        raise ManifestError("no usable row is left; nothing was changed")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
