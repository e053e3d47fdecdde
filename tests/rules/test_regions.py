"""Regions that are likely misspelt are doubted; new ones are not."""

from __future__ import annotations

import pytest

from bulkprof.limits import REGION
from bulkprof.model import Severity
from bulkprof.rules.regions import REGIONS, region_doubt
from tests.factories import row, rules


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("us-esat-1", "us-east-1"), ("us-est-2", "us-east-2"), ("us-eats-1", "us-east-1"), ("us-wset-2", "us-west-2"),
        ("su-east-1", "us-east-1"), ("ue-west-3", "eu-west-3"), ("usa-east-1", "us-east-1"),
        ("eu-centrl-1", "eu-central-1"), ("eu-nort-1", "eu-north-1"), ("ap-southest-2", "ap-southeast-2"),
        ("ap-souteast-7", "ap-southeast-7"), ("us-gov-wets-1", "us-gov-west-1"), ("us-gob-east-1", "us-gov-east-1"),
        ("eu-wset-9", "eu-west-1"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_what_is_meant(written: str, meant: str) -> None:
    assert REGION.fullmatch(written)
    doubt = region_doubt(written)
    assert doubt is not None
    assert f"did you mean {meant}?" in doubt.remedy


@pytest.mark.parametrize(
    "region",
    [*REGIONS, "us-east-3", "eu-west-4", "ap-southeast-9", "sa-west-1", "ca-east-1", "us-central-1", "eu-northeast-1",
     "nz-north-1", "th-central-1", "cl-central-1", "us-midwest-1", "eusc-fr-west-1", "xx-yy-1"],
)  # fmt: skip
def test_what_exists_or_may_come_is_not_doubted(region: str) -> None:
    assert region_doubt(region) is None


def test_a_doubt_is_a_warning_of_the_row_which_is_used() -> None:
    expansion = rules(account="111122223333").expand(row(regions=("us-esat-1", "us-east-1")))
    assert [profile.target.region for profile in expansion.profiles] == ["us-esat-1", "us-east-1"]
    (problem,) = expansion.problems
    assert problem.severity is Severity.WARNING
    assert str(problem) == (
        "warning: a.csv:2: region 'us-esat-1': is no Region that is known here; did you mean us-east-1? "
        "A new one is taken as it is"
    )


def test_a_doubt_about_the_config_is_not_told_for_each_row() -> None:
    made = rules({"defaults": {"region": "us-esat-1"}}, account="111122223333")
    assert made.expand(row()).problems == ()
