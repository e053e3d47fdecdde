"""A plan on the terminal: old and new values, the first of each kind, and where many accounts can't be entered."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from bulkprof.model import Action, ActionKind, Refusal, Target
from bulkprof.reports.plan.text import EACH, show_plan
from bulkprof.reports.plan.view import CANARY_SHOWN, canary_line
from bulkprof.store.run import RunFile
from tests.factories import TARGET, desire, make_run, plan_all


def shown(path: Path, targets: int) -> tuple[str, int]:
    """A plan with so many targets, of which the last one can be entered; and the steps that SQLite took for it."""
    places = [Target(f"{number:012}", "us-east-1") for number in range(targets)]
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with make_run(path) as run:
        for place in places:
            desire(run, "a", "b", target=place)
        run.end_intake()
        for place in places:
            refusal = None if place == places[-1] else Refusal("AccessDenied", "no way in")
            run.save_plan([replace(a, kind=ActionKind.CREATE, refusal=refusal) for a in run.wanted(place)])
        run.note(unreachable=[(place.account, place.region) for place in places[:-1]])
        run._db.set_progress_handler(step, 1)
        console = Console(width=200, no_color=True)
        with console.capture() as told:
            show_plan(console, run)
    return told.get(), steps


def test_what_cant_be_entered_was_told_before_and_only_counts(tmp_path: Path) -> None:
    text, _ = shown(tmp_path / "run.db", 3)
    assert "000000000002/us-east-1" in text
    assert "000000000000" not in text
    assert "more" not in text
    assert "4 refused" in text


def test_each_target_costs_the_same_however_many_there_are(tmp_path: Path) -> None:
    few, some, many = (shown(tmp_path / f"{number}.db", number)[1] for number in (10, 50, 210))
    assert (many - some) / 160 == pytest.approx((some - few) / 40, rel=0.1)


def test_a_canary_is_named_in_a_line() -> None:
    places = [(f"{number:012}", "us-east-1") for number in range(CANARY_SHOWN + 2)]
    assert canary_line([]) == ""
    assert canary_line(places[:1]) == "First 1 target as canary: 000000000000/us-east-1"
    assert canary_line(places[:2]).endswith(": 000000000000/us-east-1, 000000000001/us-east-1")
    assert canary_line(places).endswith(f", {places[CANARY_SHOWN - 1][0]}/us-east-1 and 2 more")


def text(run: RunFile, **more: bool) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as told:
        show_plan(console, run, **more)
    return told.get()


def test_old_and_new_values_are_shown(tmp_path: Path) -> None:
    with make_run(tmp_path / "run.db") as run:
        desire(run, "updated", "replaced", "retired", "renamed", "older", description="new", tags={"k": "v", "n": "1"})
        run.end_intake()
        updated, replaced, retired, renamed, older = run.wanted(TARGET)
        old = {"model": "pro", "description": "it's old", "tag:k": "1", "tag:lost": "x"}
        arn = partial(replace, kind=ActionKind.REPLACE, source_arn="source/lite", arn="arn:x")
        run.save_plan(
            [
                replace(updated, kind=ActionKind.UPDATE, set_tags={"k": "v"}, remove_tags=("r",), old={"tag:k": "1"}),
                arn(replaced, reason="model pro -> lite", old=old),
                arn(retired, reason="model pro -> lite; arn:x is kept until 2026-12-03T02:15Z", old={"model": "pro"}),
                replace(renamed, kind=ActionKind.CREATE, old={"name": "before", "arn": "arn:before"}),
                arn(older, reason="model pro -> lite"),
            ]
        )
        lines = text(run).splitlines()
        assert lines[1:] == [
            "111122223333/us-east-1",
            "  ~ updated  lite  t.csv:2",
            "      ~ tag:k '1' -> 'v'",
            "      - tag:r",
            "  ! replaced  replaced by a new profile with a new ARN; arn:x is deleted  t.csv:3",
            "      ~ model pro -> lite",
            "      ~ description \"it's old\" -> 'new'",
            "      ~ tag:k '1' -> 'v'",
            "      - tag:lost 'x'",
            "      + tag:n '1'",
            "  ! retired  replaced by a new profile with a new ARN; arn:x is kept until 2026-12-03T02:15Z  t.csv:4",
            "      ~ model pro -> lite",
            "      + tag:k 'v'",
            "      + tag:n '1'",
            "  + renamed  lite  t.csv:5",
            "      looks like the new name of before (arn:before), which stays: --prune would delete it",
            "  ! older  model pro -> lite  t.csv:6",
            "",
            "Plan: + 1 to create, ~ 1 to update, ! 3 to replace, in 1 target.",
        ]
        run.note(prune=True)
        assert "looks like the new name of before (arn:before), which this plan deletes" in text(run)


def test_the_first_of_each_kind_are_shown_or_all(tmp_path: Path) -> None:
    first, second = Target("111122223333", "eu-west-1"), Target("111122223333", "us-east-1")
    with make_run(tmp_path / "run.db") as run:
        for place in (second, first):
            desire(run, *(f"name-{number:02}" for number in range(EACH)), target=place)
        run.end_intake()
        plan_all(run)
        refusal = Refusal("OtherEstate", "is another's")
        run.save_plan(
            [
                Action(0, second, ActionKind.DELETE, "gone", arn="arn:gone", reason="no manifest wants it"),
                Action(0, second, ActionKind.DELETE, "not", arn="arn:not", refusal=refusal),
            ]
        )
        few, everything = text(run), text(run, everything=True)
        assert few.count("  + name-") == EACH
        # Kinds that are rare are seen however many others come before them.
        assert few.index(str(first)) < few.index("  + name-00") < few.index(str(second)) < few.index("  - gone")
        assert "  ! not  refused: is another's" in few
        assert f"  … and {EACH} more to create (plan --all shows all)" in few
        assert everything.count("  + name-") == 2 * EACH
        assert " more " not in everything
        assert everything == text(run, everything=True)


def test_what_no_manifest_wants_is_named_where_nothing_deletes_it(tmp_path: Path) -> None:
    with make_run(tmp_path / "run.db", sandbox=True) as run:
        names = ("a", "b", "c", "d")
        run.note(
            unwanted=104, unwanted_first=tuple(("111122223333", "us-east-1", name, f"arn:{name}") for name in names)
        )
        head = "104 profiles of this estate that no manifest wants; --prune would delete"
        shown = ", ".join(f"111122223333/us-east-1 {name}" for name in "abc")
        assert f"{head}: {shown}, and 101 more\n" in text(run)
        listed = "".join(f"  111122223333/us-east-1 {name}\n" for name in names)
        assert f"{head}:\n{listed}  and 100 more\n" in text(run, everything=True)
        assert "Plan in the sandbox: nothing to do" in text(run)
