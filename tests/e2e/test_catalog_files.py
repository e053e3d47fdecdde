"""The files that the plugin `catalog` writes after runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkprof.delivery import sinks
from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine
from tests.e2e.others import Others

CONFIG = """
[plugins.catalog]
files = [
  { format = "json", out = "out/{tag:Team}.json" },
  { format = "env", out = "all.env", where = { region = "us-east-1" } },
  { format = "json", out = "s3://example-catalog/profiles.json" },
]
"""


def test_nights(commands: CommandLine, sandbox: Sandbox, others: Others, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files after a run, the same as the command's; none after one that changes nothing; redelivered where refused."""
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    commands.config(CONFIG)
    commands.manifest("a,x", "b,y", header="name,tag:Team")
    summary = commands.summary("apply", "teams.csv")
    run_id = summary["run_id"]
    assert commands("runs", "redeliver", run_id, "--json").json()["missing"] == ["catalog"]
    assert Path("out/x.json").exists()
    s3 = others.client("s3")
    s3.create_bucket(Bucket="example-catalog")
    assert commands("runs", "redeliver", run_id, "--json").json() == {
        "run_id": run_id,
        "delivered": ["catalog"],
        "missing": [],
    }
    everything = s3.get_object(Bucket="example-catalog", Key="profiles.json")["Body"].read().decode()
    assert everything == commands("catalog").out
    assert Path("all.env").read_text() == commands("catalog", "--format", "env").out
    Path("all.env").unlink()
    assert commands.apply("teams.csv") == {"unchanged": 2}
    assert not Path("all.env").exists()
    commands.config(CONFIG + "\n[prune]\npercent = 100\naccount_percent = 100\n")
    commands.manifest("a,x", header="name,tag:Team")
    assert commands.summary("sync", "teams.csv", "--prune")["outcomes"]["deleted"] == 1
    assert (len(json.loads(Path("out/x.json").read_text())), Path("out/y.json").read_text()) == (1, "[]\n")


def test_disowning_one_takes_the_others_out_of_no_file(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[plugins.catalog]\nfiles = [{ format = "json", out = "all.json" }]\n')
    assert commands.apply(commands.manifest("a", "b")) == {"created": 2}
    before = Path("all.json").read_text()
    assert len(json.loads(before)) == 2
    assert commands("disown", "a", "--yes").code == 0
    assert Path("all.json").read_text() == before
    # The next run of the manifests says what is left.
    commands.manifest("a,yes,", "b,,new", header="name,disown,tag:Team")
    assert commands.apply("teams.csv") == {"unchanged": 1, "updated": 1}
    assert [each["name"] for each in json.loads(Path("all.json").read_text())] == ["b"]


def test_an_unknown_format_is_told_before_anything_is_changed(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[plugins.catalog]\nfiles = [{ format = "xml", out = "x" }]\n')
    ended = commands("apply", commands.manifest("a"), "--yes")
    told, _, after = ended.err.partition("there is no format 'xml'; the formats are json, csv, ")
    assert "plugin 'catalog' makes no sink" in told
    assert (ended.code, "1 created" in told, "1 created" in after) == (0, False, True)
    assert "`bulkprof runs redeliver " in after
