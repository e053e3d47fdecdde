"""AWS's limits: quotas, throttling, denied operations, lost answers. Every row is accounted for."""

from __future__ import annotations

import pytest

from bulkprof.pacing import pacer
from bulkprof.sandbox import Fault, Hypotheses, Rate, Sandbox, SandboxSettings
from tests.cli.driver import CommandLine

CREATE = "CreateInferenceProfile"
FULL = "111111111111"
REAL_PACE = pacer.START_PACE


def test_a_full_account_stops_its_own_rows_only(commands: CommandLine) -> None:
    settings = SandboxSettings(rate=Rate(1000, 1000), account_quotas={FULL: 3})
    with Sandbox(settings) as sandbox:
        commands.connect(sandbox)
        rows = [f"team-{number:02},{FULL}|222222222222" for number in range(45)]
        outcomes = commands.apply(commands.manifest(*rows, header="name,account"), code=3)
        assert outcomes["created"] == 48
        assert outcomes["failed"] + outcomes["skipped"] == 42
        codes = {line["outcome"]: line["error_code"] for line in commands.results() if line["account"] == FULL}
        assert codes == {"created": "", "failed": "ServiceQuotaExceededException", "skipped": "QuotaReached"}
        assert len([profile for profile in sandbox.ledger().live if profile.account == FULL]) == 3
        # What exists is still kept in order when nothing more can be made.
        assert commands.apply("teams.csv", code=3)["unchanged"] == 48


def test_heavy_throttling_only_takes_longer(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pace that a run really starts with, which the fixture hurries.
    monkeypatch.setattr(pacer, "START_PACE", REAL_PACE)
    sandbox.set_rate(Rate(15, 1), operation="CreateInferenceProfile")
    names = [f"team-{number:02}" for number in range(12)]
    summary = commands.summary("apply", commands.manifest(*names))
    assert summary["outcomes"]["created"] == 12
    calls = summary["calls"]["CreateInferenceProfile"]
    assert calls["sent"] == 12 + calls["throttled"]
    assert calls["throttled"] == sandbox.ledger().count("CreateInferenceProfile", "throttled") > 0
    assert calls["failed"] == 0
    assert sum(line["attempts"] for line in commands.results()) == calls["sent"]


def test_without_the_tagging_api(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions=["tag:GetResources"])
    commands.manifest("team-a,1", "team-b,1", header="name,tag:Team")
    assert commands.apply("teams.csv") == {"created": 2}
    commands.manifest("team-a,1", "team-b,2", header="name,tag:Team")
    assert commands.apply("teams.csv") == {"unchanged": 1, "updated": 1}
    assert commands.apply("teams.csv") == {"unchanged": 2}


def test_without_the_model_catalogue(commands: CommandLine, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions=["bedrock:ListFoundationModels"])
    ended = commands("apply", commands.manifest("team-a"), "--yes")
    assert ended.code == 0
    assert "warning: us-east-1: models can't be listed (AccessDeniedException)" in ended.err
    assert [profile.source for profile in sandbox.ledger().live] == [
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    ]
    assert commands.apply("teams.csv") == {"unchanged": 1}


def test_an_unknown_model_is_an_invalid_row(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a,amazon.nova-lite-v1:0", "team-b,amazon.nova-ultra-v9:0", header="name,model")
    ended = commands("apply", "teams.csv", "--yes")
    assert ended.code == 65
    assert "teams.csv:3: model 'amazon.nova-ultra-v9:0'" in ended.err
    assert not sandbox.ledger().profiles
    summary = commands.summary("apply", "teams.csv", "--skip-invalid", code=3)
    assert (summary["desired"], summary["invalid"], summary["outcomes"]["created"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "hypotheses"),
    [
        ("cut_before", Hypotheses()),
        ("cut_after", Hypotheses()),
        ("cut_after", Hypotheses(unique_names=False, token_memory_s=0)),
        ("truncate_empty", Hypotheses(unique_names=False)),
        ("truncate_short", Hypotheses(token_memory_s=0)),
        ("error_after", Hypotheses(unique_names=False, token_memory_s=0)),
    ],
)
def test_a_lost_answer_makes_no_duplicate(
    commands: CommandLine, sandbox: Sandbox, kind: str, hypotheses: Hypotheses
) -> None:
    sandbox.set_hypotheses(hypotheses)
    sandbox.set_faults([Fault(kind, operation="CreateInferenceProfile", name="team-b", nth=1)])
    assert commands.apply(commands.manifest("team-a", "team-b", "team-c")) == {"created": 3}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == ["team-a", "team-b", "team-c"]


def test_what_nobody_can_know_is_unknown(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config("attempts = 2\n")
    sandbox.set_faults([Fault("error_before", operation="CreateInferenceProfile", name="team-b")])
    assert commands.apply(commands.manifest("team-a", "team-b"), code=3) == {"created": 1, "unknown": 1}
    sandbox.set_faults([])
    assert commands.apply("teams.csv") == {"created": 1, "unchanged": 1}


def test_more_failures_than_are_tolerated_stop_the_run_and_its_resumption(
    commands: CommandLine, sandbox: Sandbox
) -> None:
    sandbox.set_faults([Fault("access_denied", CREATE, share=0.5)])
    sandbox.set_rate(Rate(20, 5), operation=CREATE)
    manifest = commands.manifest(*(f"team-{number:02}" for number in range(60)))
    tolerance = ("--failure-tolerance", "5%", "--json", "--yes")
    ended = commands("apply", manifest, *tolerance)
    first = ended.json()["outcomes"]
    assert (ended.code, first["failed"] > 3, first["skipped"] > 0) == (4, True, True)
    assert "profiles failed, 3 are tolerated (--failure-tolerance)" in ended.err
    # A run that goes on is still the same run: what failed before counts.
    sent = sandbox.ledger().count(CREATE)
    ended = commands("resume", *tolerance)
    assert (ended.code, ended.json()["outcomes"], sandbox.ledger().count(CREATE)) == (4, first, sent)
    sandbox.set_faults([])
    sandbox.set_rate(Rate(1000, 1000), operation=CREATE)
    ended = commands("resume", "--json", "--yes")
    assert (ended.code, ended.json()["outcomes"]["failed"], ended.json()["outcomes"]["skipped"]) == (
        3,
        first["failed"],
        0,
    )
