"""The Python API as its page shows it, and as a guest in another program."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import DeclinedError, LockHeldError, ManifestError, UsageError
from bulkprof.sandbox import Sandbox
from tests.cli.driver import PATIENCE_S, CommandLine, ended_threads

PAGE, RECIPES = (
    (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8") for name in ("python.md", "recipes.md")
)
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name, page in (("python", PAGE), ("recipes", RECIPES))
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL), 1)
]
NAMING = '\n[plugins.naming]\ntemplate = "{team}-{app}"\n'


@contextmanager
def traceless() -> Iterator[None]:
    """Fails where the block leaves something behind in the process; unclosed files and sessions warn when collected."""
    before = dict(os.environ), set(threading.enumerate()), Path.cwd(), _handlers(), _umask()
    yield
    gc.collect()
    ended_threads(before[1])
    assert (dict(os.environ), set(threading.enumerate()), Path.cwd(), _handlers(), _umask()) == before


def _handlers() -> list[Any]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@pytest.fixture
def folder(commands: CommandLine) -> Path:
    commands.config(NAMING)
    commands.manifest("search,ranking", "search,suggest", "support,triage", header="team,app")
    return commands.folder


def options(folder: Path, state: str = "state", **more: Any) -> bulkprof.Options:
    return bulkprof.Options(config=bulkprof.load_config(folder / "bulkprof.toml"), state_dir=folder / state, **more)


@pytest.mark.parametrize("example", BLOCKS)
def test_each_example_runs_and_leaves_no_trace(example: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = compile(example, "an example", "exec")
    with traceless():
        exec(block, {"__name__": "example"})
        # Also a second time in the same process; what it made is there now.
        (folder / "plan.db").unlink(missing_ok=True)
        exec(block, {"__name__": "example"})
    assert "Traceback" not in capsys.readouterr().err
    journals = list(folder.rglob("sandbox.journal"))
    assert journals, "the example did not work in the sandbox"


def test_the_page_names_everything_that_can_be_called() -> None:
    callables = {name for name in bulkprof.__all__ if name[0].islower()}
    assert {name for name in callables if f"bulkprof.{name}(" not in PAGE and f"{name}(" not in PAGE} == set()


def test_every_public_name_is_there() -> None:
    for name in bulkprof.__all__:
        assert getattr(bulkprof, name) is not None
    with pytest.raises(AttributeError):
        _ = bulkprof.nothing


def test_a_plan_has_no_outcomes(folder: Path, sandbox: Sandbox) -> None:
    asyncio.run(bulkprof.plan(folder / "teams.csv", options(folder), out=folder / "plan.db"))
    with pytest.raises(UsageError, match="is a plan that was not carried out: it has no outcomes yet"):
        list(bulkprof.outcomes(str(folder / "plan.db"), options(folder)))


def test_two_applies_side_by_side_in_one_loop(folder: Path, sandbox: Sandbox) -> None:
    other = folder / "other.csv"
    other.write_text("team,app\nfinance,invoices\nfinance,forecast\n", encoding="utf-8")

    async def main() -> list[bulkprof.RunSummary]:
        return await asyncio.gather(
            bulkprof.apply(folder / "teams.csv", options(folder, "one")), bulkprof.apply(other, options(folder, "two"))
        )

    with traceless():
        one, two = asyncio.run(main())
        assert (one.outcomes[bulkprof.OutcomeKind.CREATED], two.outcomes[bulkprof.OutcomeKind.CREATED]) == (3, 2)
        assert len(sandbox.ledger().profiles) == 5
        again = asyncio.run(main())
        assert [each.changed for each in again] == [0, 0]
    assert len(list(bulkprof.outcomes(one.run_id, options(folder, "one")))) == 3


def test_two_applies_on_one_state_directory_take_turns(folder: Path, sandbox: Sandbox) -> None:
    entered, checked = asyncio.Event(), asyncio.Event()

    class Waiting(bulkprof.Ui):
        async def confirm(self, plan: bulkprof.Plan) -> bool:
            entered.set()
            await checked.wait()
            return True

    async def main() -> bulkprof.RunSummary:
        first = asyncio.create_task(bulkprof.apply(folder / "teams.csv", options(folder), Waiting()))
        await entered.wait()
        with pytest.raises(LockHeldError):
            await bulkprof.apply(folder / "teams.csv", options(folder))
        checked.set()
        return await first

    with traceless():
        assert asyncio.run(main()).changed == 3


def test_a_guest_in_a_program_with_tasks_of_its_own(folder: Path, sandbox: Sandbox) -> None:
    """Other tasks go on meanwhile, the program's signal handlers stay, and its loop is as it was."""

    async def main() -> tuple[int, int]:
        loop, caught = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, caught.set)
        try:
            beats = 0

            async def heartbeat() -> None:
                nonlocal beats
                while True:
                    await asyncio.sleep(0)
                    beats += 1

            mine = asyncio.create_task(heartbeat())
            summary = await bulkprof.apply([folder / "teams.csv"], options(folder))
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(caught.wait(), PATIENCE_S)
            assert asyncio.all_tasks() == {mine, asyncio.current_task()}
            mine.cancel()
            return summary.changed, beats
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    with traceless():
        changed, beats = asyncio.run(main())
    assert changed == 3
    assert beats > 10


def test_a_cancelled_apply_leaves_no_trace_and_the_next_one_goes_on(folder: Path, sandbox: Sandbox) -> None:
    class Waiting(bulkprof.Ui):
        def __init__(self, entered: asyncio.Event) -> None:
            self.entered = entered

        async def confirm(self, plan: bulkprof.Plan) -> bool:
            self.entered.set()
            await asyncio.Event().wait()
            return True

    async def main() -> bulkprof.RunSummary:
        entered = asyncio.Event()
        task = asyncio.create_task(bulkprof.apply(folder / "teams.csv", options(folder), Waiting(entered)))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await bulkprof.apply(folder / "teams.csv", options(folder))

    with traceless():
        assert asyncio.run(main()).changed == 3


async def test_a_plan_says_what_it_would_do(folder: Path, sandbox: Sandbox) -> None:
    kept = folder / "plan.db"
    plan = await bulkprof.plan(folder / "teams.csv", options(folder), out=kept)
    assert (plan.path, plan.desired, plan.targets, plan.in_order, plan.has_changes) == (kept, 3, 1, True, True)
    assert plan.actions[bulkprof.ActionKind.CREATE] == 3
    names = ["search-ranking", "search-suggest", "support-triage"]
    assert [action.name for action in plan.changes()] == names
    assert not sandbox.ledger().profiles
    summary = await bulkprof.apply(kept, options(folder))
    assert (summary.run_id, summary.changed) == (plan.run_id, 3)
    outcomes = {outcome.name: outcome for outcome in bulkprof.outcomes(summary.run_id, options(folder))}
    assert {name: outcome.arn for name, outcome in outcomes.items()} == {
        profile.name: profile.arn for profile in sandbox.ledger().profiles
    }
    after = await bulkprof.plan(folder / "teams.csv", options(folder))
    assert (after.has_changes, after.path) == (False, None)
    with pytest.raises(UsageError, match="was not kept"):
        list(after.changes())


async def test_half_a_plan_is_none(folder: Path, sandbox: Sandbox) -> None:
    class Leaving(bulkprof.Ui):
        async def confirm(self, plan: bulkprof.Plan) -> bool:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await bulkprof.plan(folder / "teams.csv", options(folder), Leaving(), out=folder / "plan.db")
    assert not [name for name in os.listdir(folder) if name.startswith("plan.db")]  # noqa: PTH208 - no coroutine's


async def test_who_declines_the_plan_changes_nothing(folder: Path, sandbox: Sandbox) -> None:
    class Declining(bulkprof.Ui):
        async def confirm(self, plan: bulkprof.Plan) -> bool:
            return plan.actions[bulkprof.ActionKind.CREATE] < 3

    with pytest.raises(DeclinedError):
        await bulkprof.apply(folder / "teams.csv", options(folder), Declining())
    assert not sandbox.ledger().profiles


async def test_apply_never_prunes(folder: Path, sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="apply deletes nothing"):
        await bulkprof.apply(folder / "teams.csv", options(folder, prune=True))


async def test_invalid_rows_are_in_the_error(folder: Path, commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("search,ranking", ",suggest", header="team,app")
    with pytest.raises(ManifestError) as caught:
        await bulkprof.sync(folder / "teams.csv", options(folder))
    assert [(Path(problem.file).name, problem.line) for problem in caught.value.problems] == [("teams.csv", 3)]


async def test_what_is_exported_is_planned_unchanged(folder: Path, sandbox: Sandbox) -> None:
    await bulkprof.apply(str(folder / "teams.csv"), options(folder))
    found = await bulkprof.export(folder / "all.csv", options(folder))
    assert (found.profiles, found.exit_code) == (3, bulkprof.ExitCode.DONE)
    assert not (await bulkprof.plan(folder / "all.csv", options(folder))).has_changes


async def test_a_single_manifest_is_not_read_letter_by_letter(folder: Path) -> None:
    found = await bulkprof.validate(str(folder / "teams.csv"), options(folder))
    assert (found.rows, found.desired, found.invalid) == (3, 3, 0)


@pytest.mark.parametrize("mask", [0o022, 0o077])
async def test_files_get_the_mode_that_the_program_gives_its_own(folder: Path, sandbox: Sandbox, mask: int) -> None:
    before = os.umask(mask)
    try:
        await bulkprof.apply(folder / "teams.csv", options(folder, results=folder / "results.csv"))
    finally:
        os.umask(before)
    assert os.stat(folder / "results.csv").st_mode & 0o777 == 0o666 & ~mask  # noqa: PTH116 - no coroutine's


async def test_strings_stand_for_paths_and_single_values(folder: Path, sandbox: Sandbox) -> None:
    config = bulkprof.load_config(str(folder / "bulkprof.toml"))
    given: dict[str, Any] = {
        "state_dir": str(folder / "state"),
        "results": str(folder / "results.csv"),
        "failed": str(folder / "failed.csv"),
        "accounts": "123456789012",
        "regions": "us-east-1",
    }
    plan = await bulkprof.plan(str(folder / "teams.csv"), bulkprof.Options(config=config), out=str(folder / "plan.db"))
    assert len(list(plan.changes())) == 3
    made = await bulkprof.apply(str(folder / "teams.csv"), bulkprof.Options(config=config, **given))
    assert made.outcomes == {kind: 3 * (kind is bulkprof.OutcomeKind.CREATED) for kind in bulkprof.OutcomeKind}
    assert (folder / "results.csv").is_file()
    options = bulkprof.Options(config=config, state_dir=folder / "state")
    found = await bulkprof.export(str(folder / "all.csv"), options)
    assert found.profiles == 3
    with pytest.raises(bulkprof.BulkprofError, match="no sink slack is active"):
        await bulkprof.redeliver(made.run_id, options, only="slack")


def test_a_selector_is_not_taken_letter_by_letter() -> None:
    options = bulkprof.Options(accounts="org:*", not_accounts="prod", regions="us-east-1")
    assert (options.accounts, options.not_accounts, options.regions) == (("org:*",), ("prod",), ("us-east-1",))
    assert bulkprof.Options(accounts=["a", "b"]).accounts == ("a", "b")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"config": "bulkprof.toml"}, r"config is what load_config\(FILE\) answers, not str"),
        ({"state_dir": None}, "state_dir is a path, not NoneType"),
        ({"results": 3}, "results is a path, not int"),
        ({"failed": b"x.csv"}, "failed is a path, not bytes"),
        ({"accounts": [111122223333]}, r"accounts takes strings, not int \(111122223333\)"),
        ({"accounts": 111122223333}, r"accounts takes strings, not int \(111122223333\)"),
        ({"regions": None}, r"regions takes strings, not NoneType"),
        ({"failure_tolerance": 5}, r"failure_tolerance is a string, not int \(5\)"),
        ({"deadline": 7200}, r"deadline is a string, not int \(7200\)"),
    ],
)
def test_what_can_not_be_meant_is_a_type_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        bulkprof.Options(**given)


@pytest.mark.parametrize("manifests", [5, None, b"teams.csv", [b"teams.csv"], ["teams.csv", 5]])
async def test_manifests_are_paths(manifests: Any) -> None:
    with pytest.raises(TypeError, match=r"manifests are paths, not (int|NoneType|bytes) "):
        await bulkprof.plan(manifests)
