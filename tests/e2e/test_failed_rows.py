"""`--failed`: what didn't end in order, as a manifest that stands for itself."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from bulkprof.errors import StateError
from bulkprof.reports.results import files
from bulkprof.sandbox import Fault, Rate, Sandbox
from tests.cli.driver import CommandLine

CREATE = "CreateInferenceProfile"
RULES = """
[models]
lite = "amazon.nova-lite-v1:0"
pro = "amazon.nova-pro-v1:0"

[organization.aliases]
prod = "222222222222"

[plugins.naming]
template = "{team}-{model}"

[plugins.tags]
columns = { Team = "team" }
"""
ROWS = [
    {"team": "a", "model": ["lite", "pro"], "account": ["111111111111", "prod"], "description": "first: one"},
    {"team": "b", "model": "pro", "account": "prod", "tags": {"Cost": "C 1"}, "note": 'two\nlines, "quoted"'},
]
MADE = [
    ("111111111111", "a-lite"), ("111111111111", "a-pro"),
    ("222222222222", "a-lite"), ("222222222222", "a-pro"), ("222222222222", "b-pro"),
]  # fmt: skip


def made(sandbox: Sandbox) -> list[tuple[str, str]]:
    return sorted((profile.account, profile.name) for profile in sandbox.ledger().live)


@pytest.fixture
def manifest(commands: CommandLine) -> str:
    commands.config(RULES)
    return commands.write("teams.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_they_can_be_applied_by_themselves(commands: CommandLine, sandbox: Sandbox, manifest: str, suffix: str) -> None:
    """Rows that fan out, aliases, and what rules made of them: the file asks for the same profiles once more."""
    file = f"failed.{suffix}"
    sandbox.set_faults([Fault("access_denied", CREATE, name="a-pro"), Fault("access_denied", CREATE, name="b-pro")])
    ended = commands("apply", manifest, "--yes", "--failed", file)
    assert (ended.code, f"rows to mend: 3 in {file}" in ended.err) == (3, True)
    sandbox.set_faults([])
    assert commands.apply(file) == {"created": 3}
    assert made(sandbox) == MADE
    # Nothing of it is another wish than the manifest's own.
    assert commands.apply(manifest) == {"unchanged": 5}
    assert commands.apply(file) == {"unchanged": 3}


def test_what_a_stopped_run_did_not_reach_is_in_it(commands: CommandLine, sandbox: Sandbox, manifest: str) -> None:
    sandbox.set_faults([Fault("access_denied", CREATE, account="111111111111")])
    sandbox.set_rate(Rate(0.1, 1), operation=CREATE, account="222222222222")
    ended = commands("apply", manifest, "--yes", "--failed", "failed.csv", "--failure-tolerance", "0", "--json")
    outcomes = ended.json()["outcomes"]
    assert (ended.code, outcomes["failed"] + outcomes["skipped"] + outcomes["created"]) == (4, 5)
    with (commands.folder / "failed.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == outcomes["failed"] + outcomes["skipped"]


def test_files_that_cannot_be_written_can_be_had_later(
    commands: CommandLine, sandbox: Sandbox, manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is over by then, and one file is no reason to go without the other."""

    def full(path: Path, *_: object) -> None:
        raise StateError(f"{path}: can't be written: No space left on device")

    sandbox.set_faults([Fault("access_denied", CREATE, name="b-pro")])
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_whole", full)
        ended = commands("apply", manifest, "--yes", "--results", "results.csv", "--failed", "failed.csv")
    assert ended.code == 1
    (run,) = commands("runs", "--json").json()["runs"]
    advice = f"No space left on device; nothing is lost: bulkprof report {run['run_id']} --results FILE"
    assert f"error: results.csv: can't be written: {advice}" in ended.err
    assert (run["status"], run["outcomes"]["created"]) == ("finished", 4)
    shutil.move(commands.folder / "failed.csv", commands.folder / "before.csv")
    assert commands("report", run["run_id"], "--results", "results.csv", "--failed", "failed.csv").code == 0
    assert (commands.folder / "results.csv").read_text(encoding="utf-8").count("created") == 4
    assert (commands.folder / "failed.csv").read_bytes() == (commands.folder / "before.csv").read_bytes()
