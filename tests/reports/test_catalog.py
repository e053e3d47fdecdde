"""What a run's outcomes mean for its catalog."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bulkprof.config import Catalog, Settings
from bulkprof.model import Outcome, OutcomeKind, Target
from bulkprof.reports.catalog import Callers, Standing, entries_of
from bulkprof.store.details import RunDetails

ARN = "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:application-inference-profile/abc"
SYSTEM = "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.amazon.nova-lite-v1:0"
OURS = {"bulkprof:estate": "tests", "Team": "search"}


def outcome(kind: OutcomeKind = OutcomeKind.CREATED, **more: Any) -> Outcome:
    values: dict[str, Any] = {"file": "a.csv", "arn": ARN, "tags": OURS, "source_arn": SYSTEM, **more}
    return Outcome(1, Target("111122223333", "us-gov-west-1"), "a", kind, **values)


def standings(*outcomes: Outcome) -> list[Standing]:
    return [standing for standing, _ in entries_of(outcomes, RunDetails("run-1"), Settings())]


def test_an_entry_says_what_the_outcome_does() -> None:
    details = RunDetails("run-1", models={"us-gov.amazon.nova-lite-v1:0": "amazon.nova-lite-v1:0"})
    made = outcome(OutcomeKind.REPLACED, model="lite", description="Ranks", old_arn="arn:old")
    ((standing, entry),) = entries_of([made], details, Settings())
    assert standing is Standing.THERE
    assert entry.as_json() == {
        "name": "a",
        "arn": ARN,
        "id": "abc",
        "account": "111122223333",
        "region": "us-gov-west-1",
        "source_arn": SYSTEM,
        "model_id": "amazon.nova-lite-v1:0",
        "model": "lite",
        "description": "Ranks",
        "old_arn": "arn:old",
        "tags": OURS,
    }


def test_in_a_run_of_an_earlier_version_the_model_behind_a_system_profile_is_unknown() -> None:
    ((_, entry),) = entries_of([outcome()], RunDetails("run-1"), Settings())
    assert (entry.source_arn, entry.model_id) == (SYSTEM, "")


@pytest.mark.parametrize("kind", [kind for kind in OutcomeKind if kind is not OutcomeKind.DELETED])
def test_a_profile_that_exists_stays_whatever_became_of_the_row(kind: OutcomeKind) -> None:
    assert standings(outcome(kind)) == [Standing.THERE]


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({"kind": OutcomeKind.FAILED, "arn": ""}, [Standing.MISSING]),
        ({"kind": OutcomeKind.SKIPPED, "arn": ""}, [Standing.MISSING]),
        ({"kind": OutcomeKind.FAILED, "error_code": "OtherEstate"}, [Standing.MISSING]),
        ({"kind": OutcomeKind.FAILED, "error_code": "NotOurs"}, [Standing.MISSING]),
        ({"kind": OutcomeKind.DELETED, "file": ""}, [Standing.GONE]),
        # A deletion that failed or wasn't reached names no row, and a disowned row declares no ownership.
        ({"kind": OutcomeKind.FAILED, "file": ""}, []),
        ({"kind": OutcomeKind.UPDATED, "tags": {"Team": "search"}}, []),
    ],
)
def test_what_is_no_profile_of_the_estate_is_none_of_the_catalog(
    change: dict[str, Any], standing: list[Standing]
) -> None:
    assert standings(outcome(**change)) == standing


def test_what_belongs_to_another_has_no_arn_here() -> None:
    refused = outcome(OutcomeKind.FAILED, error_code="OtherEstate")
    ((_, entry),) = entries_of([refused], RunDetails("run-1"), Settings())
    assert entry.arn == ""


@pytest.mark.parametrize(
    ("settings", "foreign", "role"),
    [
        ({}, True, ""),
        ({"role": "ops/Invoke"}, True, "arn:aws-us-gov:iam::111122223333:role/ops/Invoke"),
        ({"role": "/ops/Invoke"}, True, "arn:aws-us-gov:iam::111122223333:role/ops/Invoke"),
        ({"role": "arn:{partition}:iam::{account}:role/I"}, True, "arn:aws-us-gov:iam::111122223333:role/I"),
        ({"role": "Invoke", "account": "111122223333"}, False, ""),
        ({"role": "Invoke", "account": "target"}, False, ""),
        ({"account": "444455556666"}, True, ""),
    ],
)
def test_callers_in_another_account_need_a_role(settings: dict[str, Any], foreign: bool, role: str) -> None:
    callers = Callers.of(Catalog(**settings), "999999999999")
    assert (callers.is_foreign("111122223333"), callers.role_arn("111122223333", ARN)) == (foreign, role)


def test_where_the_callers_account_is_not_known_nothing_is_foreign() -> None:
    assert not Callers.of(Catalog(), "").is_foreign("111122223333")


@pytest.mark.parametrize("settings", [{"account": "1234"}, {"account": "targets"}, {"role": "a b"}, {"role": ""}])
def test_wrong_settings(settings: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Catalog(**settings)
