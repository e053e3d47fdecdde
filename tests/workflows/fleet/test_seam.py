"""Whatever a run does here, it does the same by way of a fleet: plans, caps, vetoes, sinks, deletions, stops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bulkprof.errors import AccessDeniedError
from bulkprof.model import Target
from bulkprof.planning.caps import Capped
from bulkprof.sandbox import Sandbox
from bulkprof.workflows.steps.seen import Seen
from tests.cli.driver import CommandLine
from tests.e2e.others import Others
from tests.workflows.fleet.local import LocalFleet, fleet

ACCOUNTS = ("111122223333", "444455556666", "777788889999", "222233334444")
HEADER = "name,account"


@pytest.fixture
def fleets(commands: CommandLine, sandbox: Sandbox) -> Iterator[list[LocalFleet]]:
    with fleet(commands.folder) as made:
        yield made


def rows(commands: CommandLine, *names: str, more: str = "") -> str:
    return commands.manifest(
        *(f"{name},{account}{more}" for account in ACCOUNTS for name in names),
        header=f"{HEADER},tag:Team" if more else HEADER,
    )


def test_a_night_of_many_kinds(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    assert commands.apply(rows(commands, "search", "docs")) == {"created": 8}
    assert commands.apply("teams.csv") == {"unchanged": 8}
    # Nothing was to be done, so nothing was shared out but the looking.
    assert [each.cuts for each in fleets] == [2, 1]
    manifest = rows(commands, "search", more=",red")
    summary = commands.summary("sync", manifest, "--prune", "--allow-deletions", "9", "--allow-updates", "9")
    assert {kind: n for kind, n in summary["outcomes"].items() if n} == {"updated": 4, "deleted": 4}
    assert summary["calls"]["DeleteInferenceProfile"]["sent"] == 4
    alive = [profile for profile in sandbox.ledger().profiles if profile.deleted_at is None]
    assert [profile.tags["Team"] for profile in alive] == ["red"] * 4


def test_calls_are_all_counted(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    calls = commands.summary("apply", rows(commands, "search"))["calls"]
    for operation in ("CreateInferenceProfile", "ListInferenceProfiles", "ListFoundationModels"):
        assert calls[operation]["sent"] == sandbox.ledger().count(operation)


def test_caps_stand_over_the_whole_plan(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    commands.apply(rows(commands, "search", "docs"))
    ended = commands("sync", rows(commands, "search"), "--prune", "--allow-deletions", "3", "--yes")
    assert (ended.code, "deletes 4 of 8" in ended.err) == (4, True), ended.err
    assert all(profile.deleted_at is None for profile in sandbox.ledger().profiles)


def test_most_accounts_fail_for_one_reason(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    sandbox.set_denied(accounts=list(ACCOUNTS[:3]))
    ended = commands("apply", rows(commands, "search"), "--yes")
    assert (ended.code, "3 of 4 accounts can't be worked in for one reason" in ended.err) == (4, True), ended.err
    assert not sandbox.ledger().profiles
    # The same where a plan is cut by hand.
    assert commands("plan", "teams.csv", "--out", "plan.db").code == 3
    ended = commands("shard", "plan.db", "--into", "shares", "--count", "2", "--yes")
    assert (ended.code, "3 of 4 accounts can't be worked in for one reason" in ended.err) == (4, True), ended.err
    assert commands.apply("teams.csv", "--failure-tolerance", "100%", code=3) == {"failed": 3, "created": 1}


def test_a_plan_file_by_a_fleet(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    assert commands("plan", rows(commands, "search"), "--out", "plan.db").code == 0
    Others(sandbox, ACCOUNTS[0]).create("search")
    assert commands.apply("plan.db", code=3) == {"created": 3, "failed": 1}
    assert len(sandbox.ledger().profiles) == 4


def test_rows_whose_model_is_not_there(commands: CommandLine, sandbox: Sandbox, fleets: list[LocalFleet]) -> None:
    manifest = commands.manifest(
        *(f"good,{account}," for account in ACCOUNTS),
        *(f"bad,{account},amazon.nova-nothing-v1:0" for account in ACCOUNTS[:2]),
        header=f"{HEADER},model",
    )
    ended = commands("apply", manifest, "--yes")
    assert (ended.code, len(sandbox.ledger().profiles)) == (65, 0)
    assert "amazon.nova-nothing-v1:0" in ended.err
    summary = commands("apply", manifest, "--yes", "--skip-invalid", "--json").json()
    assert (summary["invalid"], summary["outcomes"]["created"]) == (2, 4)


def test_what_is_seen_travels_as_json() -> None:
    one, other = Seen(), Seen()
    target, elsewhere = Target("111122223333", "us-east-1"), Target("444455556666", "us-east-1")
    for seen, place in ((one, target), (other, elsewhere)):
        seen.owned[place.account] += 2
        seen.capped[Capped.DELETIONS][place.account] += 1
        seen.errors[place] = AccessDeniedError("denied", code="AccessDenied", operation="AssumeRole", where=str(place))
        seen.unreachable += 3
        seen.models["us.model"] = "model"
        seen.routes["us-east-1/us.model"] = ["arn:1"]
        seen.left += 1
        seen.left_first.append((place.account, place.region, "x", "arn:x"))
    one.add(Seen.from_json(other.as_json()))
    assert one.owned == {"111122223333": 2, "444455556666": 2}
    assert one.capped[Capped.DELETIONS].total() == 2
    assert (one.unreachable, one.left, len(one.left_first)) == (6, 2, 2)
    found = one.errors[elsewhere]
    assert (type(found), str(found)) == (AccessDeniedError, str(other.errors[elsewhere]))
