"""A sandbox as people ask for it: with faults, a quota and buckets from the start."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bulkprof.sandbox import Fault, Rate, SandboxSettings, UsageRow, trial_settings
from bulkprof.sandbox.faults import AFTER, BEFORE, INSTEAD

ROOT = Path(__file__).parents[2]


def test_what_is_not_given_is_as_usual() -> None:
    assert trial_settings() == SandboxSettings()


def test_what_is_given_is_the_sandboxes() -> None:
    settings = trial_settings(latency=250, rate=0.5, quota=3, faults=["throttle=0.1", "delay_after"], port=1)
    assert (settings.latency_s, settings.rate, settings.quota, settings.port) == (0.25, Rate(0.5, 1), 3, 1)
    assert settings.faults == (Fault("throttle", share=0.1, delay_s=1), Fault("delay_after", delay_s=1))
    assert trial_settings(rate=20, burst=5).rate == Rate(20, 5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latency": -1.0}, "latency -1: must be milliseconds from 0 to 60000"),
        ({"latency": 60_001.0}, "latency 60001: must be milliseconds from 0 to 60000"),
        ({"rate": math.nan}, "rate nan: must be a number of calls, 0 or more"),
        ({"burst": math.inf}, "burst inf: must be a number of calls, 0 or more"),
        ({"quota": -2}, "quota -2: must be a number of profiles, 0 or more"),
        ({"faults": ["throttle=2"]}, "fault throttle=2: a fault's share is from 0 to 1, not 2.0"),
        ({"faults": ["throttle=few"]}, "fault throttle=few: a fault's share is a number from 0 to 1, not 'few'"),
        ({"faults": ["throttle="]}, "fault throttle=: a fault's share is a number from 0 to 1, not ''"),
    ],
)
def test_what_can_not_be_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        trial_settings(**given)


def test_use_is_made_up_or_read(tmp_path: Path) -> None:
    assert trial_settings(usage="demo").usage == "demo"
    (tmp_path / "use.json").write_text('[{"model": "search", "account": "111122223333", "invocations": 2}]')
    read = trial_settings(usage=str(tmp_path / "use.json")).usage
    assert read == (UsageRow("search", "111122223333", invocations=2),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "is a list of objects, such as"),
        ("[7]", "row 1: a row is an object with a `model`, not 7"),
        ('[{"model": "a"}, {"invocations": 1}]', "row 2: a row needs a `model`"),
        ('[{"model": "a", "calls": 1}]', "row 1: a row has no calls; its fields are model, account, region"),
        ('[{"model": "a", "invocations": -1}]', "row 1: invocations is a number, 0 or more, not -1"),
        ('[{"model": "a", "account": 12}]', "row 1: account is a string, not 12"),
        ('[{"model": "a", "days_ago": 456}]', "row 1: days_ago is at most 455, not 456"),
    ],
)
def test_rows_of_use_that_can_not_be(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "use.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"usage {file}: {said}")):
        trial_settings(usage=str(file))


def test_an_unknown_fault_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="fault boom: unknown fault 'boom'; known are access_denied, conflict, cut_a"):
        trial_settings(faults=["boom"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latency_s": math.nan}, "a latency is 0 or more, not nan"),
        ({"quota": -1}, "a quota is 0 or more profiles, not -1"),
    ],
)
def test_settings_that_can_not_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SandboxSettings(**settings)


def test_faults_strike_from_the_start(make: Any) -> None:
    sandbox, aws = make(faults=(Fault("access_denied", times=1),))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.create()
    aws.create()
    assert len(sandbox.ledger().live) == 1


def test_buckets_are_there_from_the_start(make: Any) -> None:
    _, aws = make(buckets=frozenset({"example-one", "example-two"}))
    s3 = aws("s3", region="eu-central-1")
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} >= {"example-one", "example-two"}
    s3.put_object(Bucket="example-two", Key="a", Body=b"x")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_object(Bucket="example-three", Key="a", Body=b"x")
    # A second sandbox of the process makes none of them anew.
    _, other = make(buckets=frozenset({"example-two"}))
    assert other("s3").get_object(Bucket="example-two", Key="a")["Body"].read() == b"x"


def test_the_page_about_the_sandbox_has_every_fault() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert {kind for kind in BEFORE | AFTER | INSTEAD if f"`{kind}`" not in page} == set()
