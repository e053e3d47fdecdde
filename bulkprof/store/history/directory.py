"""The state directory: where runs, learned rates and the sandbox's profiles are kept between commands.

```
.bulkprof/
  runs/20261123T143012Z-1f44f9a1c.db   one file per run; names sort by time
  runs/20261123T143012Z-1f44f9a1c.db-s3  which object in S3 it was the same as last, where runs are kept there, too
  rates.json                          what pacers learned
  sandbox.journal                     the sandbox's profiles
```
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bulkprof.errors import DamagedError, StateError, UsageError
from bulkprof.statuses import UNAPPROVED, UNFINISHED, RunStatus
from bulkprof.store.remote.kept import MOST_FETCHED, Remote, remove_run
from bulkprof.store.run import RunFile
from bulkprof.system.private import OURS, create_private, private_directory, private_folder, require_no_link

SQLITE_MAGIC = b"SQLite format 3\x00"


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time, to the millisecond, and doesn't collide."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{now.microsecond // 1000:03x}{secrets.token_hex(3)}"


def new_seed(run_id: str) -> str:
    """Return what tokens are derived from where a plan is carried out.

    Applied once more where this run isn't known, the plan must not be answered with what was made here.
    """
    return f"{run_id} {secrets.token_hex(8)}"


class StateDirectory:
    """One state directory; made at first need, and found unusable before any call is sent."""

    def __init__(self, path: Path, remote: Remote | None = None) -> None:
        """`remote` are the runs that are kept elsewhere, too: each comes here when it is first looked at."""
        self.path = path
        self.remote = remote

    @property
    def runs(self) -> Path:
        """Where run files are."""
        return self.path / "runs"

    def prepare(self) -> None:
        """Make the directory, for the user alone. Raises `StateError` when it can't be written, or others can."""
        try:
            private_directory(self.path)
            private_folder(self.runs)
            # Holds account ids and profile names, which are for the user alone.
            with suppress(FileExistsError):
                create_private(self.path / ".gitignore", OURS.encode())
        except OSError as error:
            raise StateError(f"{self.path}: can't be written: {error.strerror}; choose another --state-dir") from None
        if not os.access(self.runs, os.W_OK):
            raise StateError(f"{self.runs}: is read-only; choose another --state-dir")

    def run_path(self, run_id: str) -> Path:
        """Return where the run of this id is kept."""
        return self.runs / f"{run_id}.db"

    def run_ids(self) -> list[str]:
        """Return all runs' ids, newest first."""
        return sorted({*self.ids_here(), *(self.remote.ages() if self.remote else ())}, reverse=True)

    def ids_here(self) -> list[str]:
        """Return the ids of the runs whose files are in this directory, newest first."""
        return sorted((path.stem for path in self.runs.glob("*.db")), reverse=True)

    def is_elsewhere(self, run_id: str) -> bool:
        """Return whether a run would have to be fetched to be looked at."""
        return self.remote is not None and self.remote.is_newer(run_id, self.run_path(run_id))

    def present(self, run_id: str) -> Path:
        """Return where the run of this id is, once it is here; nothing is there where it can't be fetched. Blocks."""
        path = self.run_path(run_id)
        if self.remote is not None and self.remote.is_newer(run_id, path):
            self.prepare()
            self.remote.fetch(run_id, path)
        return require_no_link(path)

    def find(self, prefix: str) -> Path:
        """Return the run file whose id starts with `prefix`, or the path itself. Raises `UsageError` when unclear."""
        path = Path(prefix)
        if path.suffix and path.is_file():
            if path.suffix.lower() in _OF_MANIFESTS and not is_run_file(path):
                raise UsageError(f"{path} is neither a run nor a plan; `bulkprof runs` lists the ids of runs")
            return path
        found = [run_id for run_id in self.run_ids() if run_id.startswith(prefix)]
        if not found:
            raise UsageError(f"no run {prefix!r} in {self.runs}; `bulkprof runs` lists them")
        if len(found) > 1 and prefix not in found:
            raise UsageError(f"{prefix!r} could be any of {', '.join(found[:5])}; give more of the id")
        return self.present(prefix if prefix in found else found[0])

    def newest(self) -> Path:
        """Return the file of the newest run. Raises `UsageError` when there is none."""
        for run_id in self.run_ids():
            return self.present(run_id)
        raise UsageError(f"no runs in {self.runs}; apply and sync leave one, and --state-dir says where to look")

    def open_run(self, run_id: str) -> RunFile:
        """Open the run of this id. Raises `StateError` when it can't be used."""
        return RunFile.open(self.present(run_id))

    def forget(self, run_ids: Collection[str]) -> None:
        """Remove the files of runs, here and where they are kept elsewhere. Raises `StateError`."""
        if self.remote is not None:
            self.remote.forget(run_ids)
        for path in map(self.run_path, run_ids):
            try:
                remove_run(path)
            except OSError as error:
                raise StateError(f"{path}: can't be removed: {error.strerror}") from None

    def open_all(self, wanted: Callable[[str], bool] = bool) -> Iterator[tuple[str, RunFile | StateError]]:
        """Yield every run, newest first: open (closed again after each step), or the reason why it can't be opened.

        Of those that aren't here, only the newest `MOST_FETCHED` are, and of these only whose id is `wanted`.
        """
        fetched = 0
        for run_id in self.run_ids():
            try:
                if self.is_elsewhere(run_id):
                    if fetched == MOST_FETCHED or not wanted(run_id):
                        continue
                    fetched += 1
                    if not self.present(run_id).exists():
                        continue
                run = RunFile.look_at(require_no_link(self.run_path(run_id)))
            except StateError as error:
                yield run_id, error
                continue
            with run:
                yield run_id, run

    def latest_unfinished(self) -> Path:
        """Return the newest run that was interrupted.

        Raises `UsageError` when there is none, or when a later run of its estate has finished: what it still has to do
        may be out of date, so it has to be named. Raises `DamagedError` where only a damaged one may be meant.
        """
        finished: dict[str, str] = {}
        damaged: DamagedError | None = None
        # What is elsewhere is of one estate.
        for run_id, run in self.open_all(lambda _: self.remote is None or self.remote.estate not in finished):
            if isinstance(run, StateError):
                if isinstance(run, DamagedError) and not finished:
                    damaged = damaged or run
                continue
            details = run.details()
            if details.status is RunStatus.FINISHED:
                finished.setdefault(details.estate, run_id)
            elif details.status in UNFINISHED and details.estate in finished:
                raise UsageError(
                    f"run {run_id} was interrupted, and run {finished[details.estate]} has finished since, perhaps "
                    f"with other manifests; if you mean it, name it: bulkprof resume {run_id}"
                )
            elif details.status in UNFINISHED:
                return self.run_path(run_id)
        if damaged is not None:
            raise damaged
        raise UsageError(f"no interrupted run in {self.runs}; `bulkprof runs` lists all")

    def adopt_plan(self, plan: Path, *, token_seed: str = "") -> Path:
        """Copy a plan made by `plan --out` in as a run of its own. Raises `UsageError` when it ran already.

        `token_seed` is that of its shares, where these carry it out.
        """
        with RunFile.look_at(plan) as source:
            details = source.details()
        run_id, status = details.id, details.status
        if status is not RunStatus.PLANNED:
            raise UsageError(f"{plan}: is not a plan that can still be applied (it is {status})")
        target = self.present(run_id)
        self._forget_unapproved(target, plan)
        self.prepare()
        half = target.with_suffix(".part")
        remove_run(half)
        try:
            with RunFile.look_at(plan) as source:
                create_private(half)
                source.copy_to(half)
            with RunFile.open(half) as run:
                run.note(token_seed=token_seed or new_seed(run_id))
            # A copy that is cut short must not pass for a run.
            half.replace(target)
        except OSError as error:
            raise StateError(f"{target}: can't be written: {error.strerror}") from None
        finally:
            remove_run(half)
        return target

    def _forget_unapproved(self, target: Path, plan: Path) -> None:
        """Make way for a plan that was adopted before, but not approved then."""
        if not target.exists():
            return
        with RunFile.open(target) as before:
            status = before.details().status
            if status not in UNAPPROVED:
                ended = f"look what became of it (bulkprof report {target.stem}), and make a new plan"
                on = f"go on with that (bulkprof resume {target.stem}), or make a new plan"
                raise UsageError(
                    f"{plan}: was applied already as run {target.stem}; {on if status in UNFINISHED else ended}"
                )
        remove_run(target)


_OF_MANIFESTS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson"})
"""How files end that are likely given by mistake, and are no damaged runs."""


def is_run_file(path: Path) -> bool:
    """Whether a file is a SQLite file, which no manifest is."""
    try:
        # What is read of a pipe would be missing when its rows are read, and it may keep waiting.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except (OSError, ValueError):
        return False


def is_share(name: str) -> bool:
    """Whether `name` is the file of a share: blocks. Raises `StateError` for a run file that can't be used."""
    if not is_run_file(Path(name)):
        return False
    with RunFile.look_at(Path(name)) as run:
        return bool(run.details().share)
