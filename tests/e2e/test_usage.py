"""`usage` end to end, against made-up metrics in the sandbox: by profile, by tag, unused, and past profiles."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses, Sandbox
from tests.cli.driver import CommandLine, read_csv
from tests.e2e.others import Others

NOVA = "amazon.nova-lite-v1:0"
OTHER = "111122223333"
ROWS: list[dict[str, Any]] = [
    {"model": "search", "days_ago": 2, "invocations": 20, "input_tokens": 400, "output_tokens": 90},
    {"model": "search", "days_ago": 9, "invocations": 10, "input_tokens": 100, "throttles": 3},
    {"model": "search", "days_ago": 40, "invocations": 1000},
    {"model": "rank", "account": OTHER, "days_ago": 1, "invocations": 60, "input_tokens": 5, "output_tokens": 6},
    {"model": NOVA, "days_ago": 3, "invocations": 10},
    {"model": "us.amazon.nova-pro-v1:0", "account": OTHER, "days_ago": 1, "invocations": 100},
]
BOTH = ["--accounts", f"123456789012,{OTHER}"]


def day(days_ago: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days_ago)).isoformat()


@pytest.fixture
def used(commands: CommandLine, sandbox: Sandbox) -> CommandLine:
    manifest = commands.manifest(
        "search,Search,123456789012", f"rank,Search,{OTHER}", "idle,Other,123456789012", header="name,tag:Team,account"
    )
    assert commands.apply(manifest) == {"created": 3}
    sandbox.add_usage(ROWS)
    return commands


def test_a_place_without_profiles_is_told(used: CommandLine) -> None:
    ended = used("usage", "--regions", "eu-west-1")
    assert (ended.code, "0 profiles" in ended.out) == (0, True)
    assert "no profile of this estate was found there; --accounts and --regions, or [defaults]" in ended.err
    assert "was found there" not in used("usage").err


@pytest.mark.parametrize("by", ["id", "arn"])
def test_each_profile_has_its_use(used: CommandLine, sandbox: Sandbox, by: Any) -> None:
    sandbox.set_hypotheses(Hypotheses(metrics_by=by))
    ended = used("usage", *BOTH, "--json")
    assert ended.code == 0, ended.err
    found = ended.json()
    profiles = {each["name"]: each for each in found["profiles"]}
    assert [each["name"] for each in found["profiles"]] == ["rank", "search", "idle"]
    search = profiles["search"]
    assert search["arn"].endswith(f":123456789012:application-inference-profile/{search['id']}")
    assert (search["account"], search["region"]) == ("123456789012", "us-east-1")
    figures = ("invocations", "input_tokens", "output_tokens", "throttles", "last_used")
    assert [search[name] for name in figures] == [30, 500, 90, 3, day(2)]
    assert [profiles["rank"][name] for name in figures] == [60, 5, 6, 0, day(1)]
    assert [profiles["idle"][name] for name in figures] == [0, 0, 0, 0, None]
    assert found["past_profiles"] == [
        {"account": OTHER, "region": "us-east-1", "model": "us.amazon.nova-pro-v1:0", "invocations": 100, "share": 0.5},
        {"account": "123456789012", "region": "us-east-1", "model": NOVA, "invocations": 10, "share": 0.05},
    ]
    assert (found["past_share"], found["unused"], found["days"], found["from"]) == (0.55, 1, 30, day(29))


def test_a_longer_period_counts_more(used: CommandLine) -> None:
    assert [each["invocations"] for each in used("usage", "--json", "--days", "60").json()["profiles"]] == [1030, 0]
    assert [each["invocations"] for each in used("usage", "--json", "--days", "3").json()["profiles"]] == [20, 0]


def test_tables_sums_and_files(used: CommandLine) -> None:
    ended = used("usage", *BOTH, "--csv", "use.csv", "--unused", "retire.csv")
    assert ended.code == 0, ended.err
    assert ("search" in ended.out, "invoked past profiles" in ended.out) == (True, True)
    assert "3 profiles, 1 of them never used; 90 invocations, 110 past them (55.0%)" in ended.out
    assert "a row for each profile: use.csv" in ended.err
    assert "never used: 1 profile, in retire.csv" in ended.err
    rows = read_csv(used.folder / "use.csv")
    assert [(row["name"], row["invocations"], row["last_used"], row["tag:Team"]) for row in rows] == [
        ("rank", "60", day(1), "Search"),
        ("search", "30", day(2), "Search"),
        ("idle", "0", "", "Other"),
    ]
    (row,) = read_csv(used.folder / "retire.csv")
    assert (row["name"], row["model"], row["account"], row["tag:Team"]) == ("idle", NOVA, "123456789012", "Other")
    assert used("validate", "retire.csv").code == 0
    ended = used("usage", *BOTH, "--by", "tag:Team", "--json")
    groups = [(each["value"], each["profiles"], each["invocations"]) for each in ended.json()["groups"]]
    assert groups == [("Search", 2, 90), ("Other", 1, 0)]
    assert "Search" in used("usage", *BOTH, "--by", "tag:Team").out


def test_the_next_page_shows_it(used: CommandLine, sandbox: Sandbox) -> None:
    def page() -> str:
        assert used("report", "--html", "run.html").code == 0
        text = re.sub(r"<[^>]*>", " ", (used.folder / "run.html").read_text())
        return " ".join(html.unescape(text).split())

    assert "As bulkprof usage told it" not in page()
    assert used("usage", *BOTH).code == 0
    shown = page()
    assert "in 2 targets: 90 invocations of 3 profiles, of which 1 was never used" in shown
    assert "110 more went past profiles (55.0 % of all)" in shown
    assert f"rank {OTHER}/us-east-1 60 search 123456789012/us-east-1 30" in shown
    assert f"Model Where invocations us.amazon.nova-pro-v1:0 {OTHER}/us-east-1 100" in shown
    (kept,) = (used.folder / ".bulkprof").glob("usage-*.json")
    assert kept.stat().st_mode & 0o77 == 0
    kept.write_text(kept.read_text().replace('"sandbox": false', '"sandbox": true'))
    assert "As bulkprof usage told it" not in page()
    kept.write_text("{}")
    assert "is damaged; `bulkprof usage` writes it anew" in page()
    kept.unlink()
    kept.mkdir()
    assert "What is used isn't known" in page()
    ended = used("usage")
    assert (ended.code, "warning: the next report won't show this" in ended.err) == (0, True)


def test_a_replaced_profile_is_shown_and_not_to_be_retired_by_name(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("[replace]\ngrace_days = 7\n")
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    assert commands.apply(commands.manifest("search")) == {"created": 1}
    old = commands.results()[0]["arn"]
    manifest = commands.manifest("search,amazon.nova-pro-v1:0", header="name,model")
    assert commands.apply(manifest, "--replace") == {"replaced": 1}
    sandbox.add_usage([{"model": old, "invocations": 4}])
    ended = commands("usage", "--json", "--unused", "retire.jsonl")
    assert {each["retiring"]: each["invocations"] for each in ended.json()["profiles"]} == {True: 4, False: 0}
    assert [json.loads(line)["model"] for line in (commands.folder / "retire.jsonl").read_text().splitlines()] == [
        "amazon.nova-pro-v1:0"
    ]
    assert "(replaced)" in commands("usage").out
    ended = commands("usage", "--unused", "retire.csv", "--days", "1")
    assert "never used: 1 profile" in ended.err


def test_what_others_own_is_not_counted(used: CommandLine, others: Others, sandbox: Sandbox) -> None:
    others.create("theirs", {"bulkprof:estate": "elsewhere"})
    sandbox.add_usage([{"model": "theirs", "invocations": 7}])
    ended = used("usage", "--json")
    assert "theirs" not in ended.out
    assert "1 profile of other estates, or of none, left out" in ended.err
    assert [each["model"] for each in ended.json()["past_profiles"]] == [NOVA]


def test_many_profiles_take_a_few_calls(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands.apply(commands.manifest(*(f"team-{number}" for number in range(130)))) == {"created": 130}
    sandbox.add_usage({"model": f"team-{number}", "invocations": 1} for number in range(125))
    sandbox.set_faults([{"kind": "throttle", "operation": "cloudwatch:GetMetricData", "times": 1}])
    found = commands("usage", "--json").json()
    assert (len(found["profiles"]), found["unused"]) == (130, 5)
    # 130 profiles by two names and two metrics, then 125 by two metrics; and one call that was throttled.
    assert sandbox.ledger().count("cloudwatch:GetMetricData") == 2 + 1 + 1


def test_accounts_that_can_not_be_read_are_left_out(used: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(accounts={OTHER})
    ended = used("usage", *BOTH, "--json")
    assert ended.code == 3
    found = ended.json()
    assert list(found["unreachable"]) == [f"{OTHER}/us-east-1"]
    assert [each["name"] for each in found["profiles"]] == ["search", "idle"]


@pytest.mark.parametrize("action", ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"])
def test_a_missing_permission_is_named(used: CommandLine, sandbox: Sandbox, action: str) -> None:
    sandbox.set_denied(actions={action})
    ended = used("usage")
    assert ended.code == 1
    assert "allow it in the role of each account: bulkprof iam-policy --usage prints what is needed" in ended.err


def test_a_trial_has_made_up_use(commands: CommandLine) -> None:
    teams = commands.manifest(*(f"team-{number}" for number in range(20)))
    assert commands.apply(teams, "--sandbox") == {"created": 20}
    found = commands("usage", "--sandbox", "--json").json()
    assert 0 < found["unused"] < 20
    assert sum(each["invocations"] for each in found["profiles"]) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "0"], "--days 0: must be from 1 to 455: CloudWatch keeps daily values that long"),
        (["--by", "team"], "--by 'team' is no field; the fields are account, region and tag:KEY"),
        (["--csv", "use.xlsx"], "--csv use.xlsx: must end in .csv"),
        (["--unused", "retire.txt"], "--unused retire.txt: must end in .csv or .jsonl"),
        (["--csv", "a.csv", "--unused", "a.csv"], "is the file of --unused, too"),
        (["--csv", "none/use.csv"], "there is no folder"),
    ],
)
def test_wrong_flags(commands: CommandLine, arguments: list[str], said: str) -> None:
    ended = commands("usage", *arguments, "--json")
    assert (ended.code, said in ended.err) == (64, True), ended.err
    assert ended.json()["exit_code"] == 64


def test_a_file_that_can_not_be_written_leaves_one_object(used: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    ended = used("usage", "--csv", "use.csv", "--json")
    assert ended.code == 1
    assert "use.csv: can't be written: No space left on device" in ended.json()["error"]
