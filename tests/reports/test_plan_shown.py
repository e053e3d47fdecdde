"""A plan on the terminal, where many accounts can't be entered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bulkprof.model import ActionKind, Refusal, Target
from bulkprof.reports.text import CANARY_SHOWN, canary_line, show_plan
from tests.factories import desire, make_run


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
    targets = [Target(f"{number:012}", "us-east-1") for number in range(CANARY_SHOWN + 2)]
    assert canary_line(targets[:1]) == f"First 1 target as canary: {targets[0]}"
    assert canary_line(targets[:2]) == f"First 2 targets as canary: {targets[0]}, {targets[1]}"
    assert canary_line(targets).endswith(f", {targets[CANARY_SHOWN - 1]} and 2 more")
