"""What outcomes mean: each kind is a change, needs attention, or is neither, and that is said in one place."""

from __future__ import annotations

import pytest

from bulkprof.model import CHANGED, FAILURES, NEED_ATTENTION, OutcomeKind
from bulkprof.totals import RunSummary, every_kind


@pytest.mark.parametrize("kind", OutcomeKind)
def test_a_kind_is_of_one_group_at_most(kind: OutcomeKind) -> None:
    assert not (kind.is_change and kind.needs_attention)
    assert kind.needs_attention or not kind.is_failure
    assert (kind.is_change, kind.is_failure, kind.needs_attention) == (
        kind in CHANGED,
        kind in FAILURES,
        kind in NEED_ATTENTION,
    )


def test_only_what_is_as_wanted_already_is_of_no_group() -> None:
    assert [kind for kind in OutcomeKind if not kind.is_change and not kind.needs_attention] == [OutcomeKind.UNCHANGED]


def test_what_was_not_tried_is_looked_at_and_did_not_fail() -> None:
    assert set(NEED_ATTENTION) - set(FAILURES) == {OutcomeKind.SKIPPED}


def test_a_summary_counts_its_changes() -> None:
    outcomes = every_kind(dict.fromkeys(OutcomeKind, 1))
    assert RunSummary("run-1", "apply", len(outcomes), outcomes, 0, 1.0).changed == len(CHANGED)
