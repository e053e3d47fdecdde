"""The use case `report`: a past run, or a plan that is kept in a file, as programs and people read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bulkprof.errors import DamagedError, StateError, UsageError
from bulkprof.model import Action, Outcome
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.status import is_plan
from bulkprof.store.run import RunFile
from bulkprof.totals import RunSummary
from bulkprof.ui import Ui
from bulkprof.workflows.arguments import for_programs
from bulkprof.workflows.history.outcomes import outcomes_in
from bulkprof.workflows.history.runs import RunInfo, info_of
from bulkprof.workflows.options import Options, StrPath, path_of, text_of
from bulkprof.workflows.steps.remote.directory import state_directory
from bulkprof.workflows.steps.summary import summary_of


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run in numbers. Its rows stay in its file: the methods read them from there, and block."""

    run: RunInfo
    summary: RunSummary
    """As the run itself ended with it; of one that is at work, as far as it came."""
    is_plan: bool
    """Whether it is a plan that was not carried out: then it has changes, and no outcomes."""
    state_dir: Path

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what became of each profile, in manifest order; nothing for a plan."""
        return iter(()) if self.is_plan else outcomes_in(self.run.path)

    def changes(self) -> Iterator[Action]:
        """Yield what a plan would change or refuses, one by one; nothing for a run."""
        from bulkprof.reports.plan import plan_of

        if self.is_plan:
            with RunFile.look_at(self.run.path) as run:
                yield from plan_of(run).read(self.run.path)

    def as_json(self) -> dict[str, Any]:
        """Return it as `bulkprof report --json` prints it, with a record for each profile."""
        from bulkprof.reports.json import report_json

        with RunFile.look_at(self.run.path) as run:
            return report_json(summary_of(run), run, StateDirectory(self.state_dir))

    def markdown(self) -> str:
        """Return it as Markdown, for job summaries and comments."""
        from bulkprof.reports.markdown import run_markdown
        from bulkprof.reports.plan.markdown import plan_markdown

        state = StateDirectory(self.state_dir)
        with RunFile.look_at(self.run.path) as run:
            if not self.is_plan:
                return "\n".join(run_markdown(self.summary, run, state))
            declined = run.details().status is RunStatus.DECLINED
            standing = plan_standing(run, state)
            end = [] if declined else [f"**{standing[0].upper()}{standing[1:]}.**"]
            return "\n".join([*plan_markdown(run, declined=declined), *end])


def plan_standing(run: RunFile, state: StateDirectory) -> str:
    """Return what became of a plan that is kept. Blocks."""
    details = run.details()
    if details.status is RunStatus.DECLINED:
        return "planned, and not approved; nothing was changed"
    if was_applied(run, state):
        return f"applied already, as run {details.id}"
    return "planned, and not applied: nothing was changed"


def is_kept_apart(run: RunFile, state: StateDirectory) -> bool:
    """Return whether a run's file isn't in the state directory, as those of `plan --out` aren't."""
    return run.path.absolute().parent != state.runs.absolute()


def was_applied(run: RunFile, state: StateDirectory) -> bool:
    """Return whether the plan of a file is a run of the state directory by now; a share's is its plan's."""
    return is_kept_apart(run, state) and not run.details().share and state.run_path(run.details().id).exists()


@for_programs
def report(
    run_id: StrPath | None = None,
    options: Options | None = None,
    ui: Ui | None = None,
    *,
    html: StrPath | None = None,
) -> RunReport:
    """Return the report of a run, by default the newest; `run_id` may be its beginning, or the file of a plan. Blocks.

    `results` and `failed` of the options write these files once more, and `html` a page for browsers. Raises
    `UsageError` where there is no such run, or a file can't be written; `StateError` for a file that can't be read.
    """
    options, ui = options or Options(), ui or Ui()
    page = None if html is None else path_of(html, "html")
    _check_files(options)
    state = state_directory(options, ui.warn)
    path = state.newest() if run_id is None else state.find(text_of(run_id, "run_id"))
    with RunFile.look_at(path) as run:
        try:
            run.check()
        except DamagedError as damage:
            ui.warn(f"what is shown may be wrong: {damage}")
        planned = is_plan(run)
        if planned and (options.results or options.failed):
            raise UsageError(
                f"{run_id or path.stem} is a plan that was not carried out: it has no outcomes yet to write"
            )
        _write_files(run, options, ui)
        if page:
            _write_page(page, run, state, options, ui)
        return RunReport(info_of(run, state), summary_of(run), planned, options.state_dir)


def _check_files(options: Options) -> None:
    """Raise `UsageError` where a file that is asked for can't be written."""
    from bulkprof.reports.results.files import check_results
    from bulkprof.system.files import check_path

    if options.results:
        check_results(options.results)
    if options.failed:
        check_path("--failed", options.failed)


def _write_files(run: RunFile, options: Options, ui: Ui) -> None:
    from bulkprof.reports.failed_rows import write_failed
    from bulkprof.reports.results.files import require_sheets, write_results
    from bulkprof.system.files import check_apart

    require_sheets(run, asked=options.results_columns)
    check_apart({"--results": options.results, "--failed": options.failed}, run.details().manifests)
    if options.results:
        write_results(options.results, run, raw=options.csv_cells == "raw")
        ui.note(f"results: {options.results}")
    if options.failed:
        own_tags = options.config.settings.own_tags
        count = write_failed(options.failed, run, own_tags, safe=options.csv_cells == "safe")
        ui.note(f"rows to mend: {count} in {options.failed}")


def _write_page(path: Path, run: RunFile, state: StateDirectory, options: Options, ui: Ui) -> None:
    from bulkprof.reports.html.page import run_page
    from bulkprof.store.history.compare import since_last
    from bulkprof.system.files import check_apart, check_path, write_text

    check_path("--html", path, (".html", ".htm"))
    written = {"--results": options.results, "--failed": options.failed, "--html": path}
    check_apart(written, run.details().manifests)
    if is_plan(run):
        raise UsageError(f"--html {path}: the plan was not carried out, and only runs have a page; see --markdown")
    summary = summary_of(run)
    try:
        summary = replace(summary, since_last=since_last(state, run))
    except StateError as error:
        ui.warn(f"what is new against the last run isn't known: {error}")
    write_text(path, run_page(run, summary, state))
    ui.note(f"page: {path}")
