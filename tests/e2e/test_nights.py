"""Nights of an organization: 40 accounts in nested units, two Regions, 20 profiles in each of them.

One story, told night by night in one sandbox: what a night leaves is what the next one finds.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses, Rate, Sandbox, SandboxSettings
from bulkprof.store.run import RunFile
from tests.cli.driver import CommandLine, Ended, add_up, outcomes_of
from tests.conftest import FAST
from tests.e2e.others import NOVA_PRO, Others

OWN = "123456789012"
MEMBERS = [str(number) for number in range(100000000001, 100000000040)]
SUSPENDED, DENIED, SLOW, SHARED = MEMBERS[0], MEMBERS[1:3], MEMBERS[3:5], MEMBERS[5]
UNITS = ("Workloads", "Workloads/Prod", "Workloads/Prod/Shop", "Workloads/Test", "Platform")
REGIONS = ("us-east-1", "eu-west-1")
TEAMS = ("search", "support")
APPS = 10
ENTERED = len(MEMBERS) - len([SUSPENDED, *DENIED]) + len([OWN])
TARGETS = ENTERED * len(REGIONS)
PROFILES = TARGETS * len(TEAMS) * APPS
ENTERING = ("--not-accounts", ",".join(DENIED))
SETTINGS = """
[plugins.naming]
template = "{team}-{app}"

[plugins.tags]
columns = { Team = "team" }
"""


@dataclass
class Organization:
    """An organization and its manifests, with a clock that a test moves from one night to the next."""

    commands: CommandLine
    ahead_s: float = 0.0
    """Seconds that AWS's clock is ahead of this machine's."""
    apps: int = APPS
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    """What rows say beyond their place, by profile name and column."""
    sandbox: Sandbox = field(init=False)
    units: str = field(init=False)
    """All accounts, by their units."""
    seen: Counter[str] = field(default_factory=Counter)
    """The calls that AWS saw last night."""

    def manifests(self) -> list[str]:
        """Write a manifest for each team."""
        columns = ("model", "description", "tag:Project")
        header = ",".join(("team,app,account,region", *columns))
        places = {"search": "org:*", "support": self.units}
        for team in TEAMS:
            rows = (
                ",".join(
                    [team, app, places[team], "|".join(REGIONS)]
                    + [self.cells.get((f"{team}-{app}", column), "") for column in columns]
                )
                for app in (f"app{number}" for number in range(self.apps))
            )
            self.commands.manifest(*rows, header=header, file=f"{team}.csv")
        return [f"{team}.csv" for team in TEAMS]

    def a_day_later(self) -> None:
        """AWS's lists and indexes have caught up, and the last runs lie back."""
        self.ahead_s += 86400
        for path in (self.commands.folder / ".bulkprof" / "runs").iterdir():
            yesterday = path.stat().st_mtime - 86400
            with RunFile.open(path) as run:
                if alive := run.details().alive:
                    run.note(alive=[alive[0], alive[1] - 86400])
            os.utime(path, (yesterday, yesterday))

    def sync(self, *flags: str) -> tuple[Ended, dict[str, Any]]:
        """A night, whatever comes of it."""
        before = self._calls()
        ended = self.commands("sync", *self.manifests(), "--yes", "--json", "--results", "results.jsonl", *flags)
        self.seen = self._calls() - before
        return ended, ended.json()

    def night(self, *flags: str, code: int = 0) -> dict[str, int]:
        """A night that comes to its end; returns its outcomes."""
        ended, summary = self.sync(*flags)
        assert ended.code == code, ended.err
        add_up(summary, self.commands.results())
        told = {name.rpartition(":")[2]: calls["sent"] for name, calls in summary["calls"].items()}
        assert {name: self.seen[name] for name in told} == told
        return outcomes_of(summary)

    def _calls(self) -> Counter[str]:
        seen: Counter[str] = Counter()
        for entry in self.sandbox.ledger().calls:
            seen[entry.operation] += entry.count
        return seen

    def arn(self, name: str) -> str:
        """The newest profile of this name in the caller's own account."""
        live = self.sandbox.ledger().live
        place = (OWN, "us-east-1", name)
        return [each.arn for each in live if (each.account, each.region, each.name) == place][-1]

    def strangers(self) -> list[tuple[str, dict[str, str]]]:
        """What isn't the estate's: names and tags."""
        live = self.sandbox.ledger().live
        return [(each.name, dict(each.tags)) for each in live if each.tags.get("bulkprof:estate") != "tests"]


@pytest.fixture
def organization(commands: CommandLine) -> Iterator[Organization]:
    """The organization before the first night: some accounts are closed, slow, or not empty."""
    commands.config(SETTINGS)
    made = Organization(commands)
    lag = Hypotheses(list_lag_s=5.0, tag_lag_s=60.0)
    settings = SandboxSettings(rate=FAST, hypotheses=lag, clock=lambda: time.time() + made.ahead_s)
    with Sandbox(settings) as sandbox:
        commands.connect(sandbox)
        made.sandbox = sandbox
        closed = {SUSPENDED: {"status": "SUSPENDED"}}
        accounts = [
            {"id": account, "name": f"a{number}", "ou": UNITS[number % len(UNITS)], **closed.get(account, {})}
            for number, account in enumerate(MEMBERS)
        ]
        units = sandbox.make_organization(accounts)
        made.units = f"ou:{units.unit_id('Workloads')}|ou:{units.unit_id('Platform')}|{OWN}"
        sandbox.set_denied(accounts=DENIED)
        for account in SLOW:
            sandbox.set_rate(Rate(30, 3), operation="CreateInferenceProfile", account=account)
        there = Others(sandbox, SHARED)
        there.create("search-app0", {"Stranger": "kept"})
        there.create("of-nobody")
        there.create("of-others", {"bulkprof:estate": "another"})
        made.ahead_s = 3600
        yield made


def test_four_nights(organization: Organization) -> None:
    first_night(organization)
    quiet_night(organization)
    night_of_drift(organization)
    night_of_pruning(organization)
    organization.a_day_later()
    assert organization.night(*ENTERING, "--prune", "--replace") == {"unchanged": PROFILES - 2 * TARGETS}
    assert not organization.sandbox.ledger().duplicates()


def first_night(organization: Organization) -> None:
    """All is made but in accounts that refuse; what is there is taken over, and what isn't wanted left alone."""
    organization.cells["search-app8", "tag:Project"] = "P-1"
    missed = len(DENIED) * len(REGIONS) * len(TEAMS) * APPS
    assert organization.night(code=3) == {"created": PROFILES - 1, "adopted": 1, "failed": missed}
    failed = Counter((line["account"], line["error_code"]) for line in organization.commands.results())
    assert {account for account, code in failed if code} == set(DENIED)
    assert SUSPENDED not in {account for account, _ in failed}
    ledger = organization.sandbox.ledger()
    assert all(ledger.count(result="throttled", account=account) for account in SLOW)
    taken_over = [each.tags for each in ledger.live if (each.account, each.name) == (SHARED, "search-app0")]
    assert "kept" in [tags.get("Stranger") for tags in taken_over]
    assert [name for name, _ in organization.strangers()] == ["of-nobody", "of-others"]


def quiet_night(organization: Organization) -> None:
    """Nothing to do, and hardly anything asked: two calls for each target, besides entering its account."""
    organization.a_day_later()
    assert organization.night(*ENTERING, "--prune") == {"unchanged": PROFILES}
    assert organization.seen == {
        "ListInferenceProfiles": TARGETS + len(REGIONS),
        "GetResources": TARGETS,
        "AssumeRole": ENTERED - 1,
        "GetCallerIdentity": 1,
        # What a Region offers is asked for once, and the organization is walked once.
        "ListFoundationModels": len(REGIONS),
        "ListAccounts": 2,
        "ListAccountsForParent": len(UNITS),
        "ListOrganizationalUnitsForParent": len(UNITS),
    }


def night_of_drift(organization: Organization) -> None:
    """Tags are mended, what is gone comes back, and what can't be mended is replaced when that is asked for."""
    others = Others(organization.sandbox)
    for name in ("search-app1", "search-app5"):
        others.tag(organization.arn(name), Team="wrong")
    others.untag(organization.arn("search-app2"), "Team")
    others.tag(organization.arn("search-app3"), Foreign="kept")
    others.delete(organization.arn("search-app4"))
    organization.a_day_later()
    # Mended by hand a moment ago, which the index of tags doesn't show yet.
    others.tag(organization.arn("search-app5"), Team="search")
    organization.cells["search-app6", "model"] = "amazon.nova-pro-v1:0"
    organization.cells["support-app7", "description"] = "Answers"
    del organization.cells["search-app8", "tag:Project"]

    alarm = organization.commands("plan", *organization.manifests(), *ENTERING, "--detailed-exitcode", "--json")
    actions = alarm.json()["actions"]
    assert (alarm.code, actions["update"], actions["create"]) == (2, 2 + TARGETS, 1)
    unchanged = PROFILES - 3 - 3 * TARGETS
    assert organization.night(*ENTERING, code=3) == {
        "updated": 2 + TARGETS,
        "created": 1,
        "failed": 2 * TARGETS,
        "unchanged": unchanged,
    }
    failed = [line for line in organization.commands.results() if line["outcome"] == "failed"]
    assert {line["error_code"] for line in failed} == {"ReplacementNeeded"}
    assert all(line["arn"] in line["error_message"] for line in failed)
    tags = {number: others.tags(organization.arn(f"search-app{number}")) for number in range(1, 9)}
    assert {tags[number]["Team"] for number in tags} == {"search"}
    assert (tags[3]["Foreign"], "Project" in tags[8]) == ("kept", False)

    organization.a_day_later()
    old = {name: organization.arn(name) for name in ("search-app6", "support-app7")}
    assert organization.night(*ENTERING, "--replace") == {"replaced": 2 * TARGETS, "unchanged": PROFILES - 2 * TARGETS}
    new = {name: organization.arn(name) for name in old}
    told = {line["old_arn"]: line["arn"] for line in organization.commands.results() if line["outcome"] == "replaced"}
    assert [told[arn] for arn in old.values()] == list(new.values())
    assert not set(old.values()) & set(new.values())
    assert others.get(new["search-app6"])["models"] == [{"modelArn": NOVA_PRO}]
    assert others.get(new["support-app7"])["description"] == "Answers"


def night_of_pruning(organization: Organization) -> None:
    """A manifest that lost most of its rows deletes nothing; one that lost few deletes just those."""
    organization.a_day_later()
    before = organization.sandbox.ledger().live
    organization.apps = 3
    ended, told = organization.sync(*ENTERING, "--prune")
    assert (ended.code, told["exit_code"], organization.seen["DeleteInferenceProfile"]) == (4, 4, 0)
    gone = 7 * len(TEAMS) * TARGETS
    assert f"deletes {gone} of {PROFILES} profiles, and at most {PROFILES // 10} may go" in told["error"]
    assert organization.sandbox.ledger().live == before
    organization.apps = 9
    assert organization.night(*ENTERING, "--prune") == {"deleted": 2 * TARGETS, "unchanged": PROFILES - 2 * TARGETS}
    assert {line["name"] for line in organization.commands.results() if not line["file"]} == {
        f"{team}-app9" for team in TEAMS
    }
    assert [name for name, _ in organization.strangers()] == ["of-nobody", "of-others"]
