"""The files that the plugin `catalog` writes after runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkprof.delivery import sinks
from bulkprof.sandbox import Fault, Sandbox
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


def test_a_run_of_a_part_takes_the_rest_out_of_no_file(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('\n[plugins.catalog]\nfiles = [{ format = "json", out = "all.json" }]\n')

    def names() -> list[str]:
        return [entry["name"] for entry in json.loads(Path("all.json").read_text())]

    assert commands.apply(commands.manifest("a", "b", "c")) == {"created": 3}
    assert commands.apply(commands.manifest("d")) == {"created": 1}
    assert names() == ["a", "b", "c", "d"]
    assert [entry["name"] for entry in json.loads(commands("catalog").out)] == ["d"]
    assert commands.apply(commands.manifest("b,true", header="name,disown")) == {"updated": 1}
    assert commands.apply(commands.manifest("e")) == {"created": 1}
    assert names() == ["a", "c", "d", "e"]
    commands.config(
        '\n[plugins.catalog]\nfiles = [{ format = "json", out = "all.json" }]\n[prune]\npercent = 100\n'
        "account_percent = 100\n"
    )
    assert commands.summary("sync", commands.manifest("a", "e"), "--prune")["outcomes"]["deleted"] == 2
    assert names() == ["a", "e"]
    assert commands.apply(commands.manifest("f")) == {"created": 1}
    assert names() == ["a", "e", "f"]


def test_a_late_delivery_writes_only_what_no_later_run_wrote(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "backoff", lambda attempt: 0.01)
    files = '{ format = "json", out = "out/{tag:Team}.json" }, { format = "env", out = "all.env" }'
    commands.config(f"\n[plugins.catalog]\nfiles = [{files}]\n")
    Path("out").write_text("in the way", encoding="utf-8")
    first = commands.manifest("a,x,", "b,y,", header="name,tag:Team,model", file="first.csv")
    run_id = commands.summary("apply", first)["run_id"]
    arns = {line["name"]: line["arn"] for line in commands.results()}
    Path("out").unlink()
    second = commands.manifest("a,x,amazon.nova-pro-v1:0", "c,z,", header="name,tag:Team,model", file="second.csv")
    commands.summary("apply", second, "--replace")
    commands.summary("apply", second)
    now = {path: path.read_text(encoding="utf-8") for path in (Path("all.env"), Path("out/x.json"), Path("out/z.json"))}
    assert commands("runs", "redeliver", run_id, "--json").json()["delivered"] == ["catalog"]
    assert {path: path.read_text(encoding="utf-8") for path in now} == now
    # The later runs say nothing of this team.
    assert [entry["arn"] for entry in json.loads(Path("out/y.json").read_text(encoding="utf-8"))] == [arns["b"]]


def test_an_older_run_that_goes_on_after_a_later_one_tells_what_it_makes(
    commands: CommandLine, sandbox: Sandbox
) -> None:
    commands.config('\n[plugins.catalog]\nfiles = [{ format = "env", out = "all.env" }]\n')
    rows = "name,model\na,{0}\nb,{0}\n".format
    commands.summary("apply", commands.write("teams.csv", rows("amazon.nova-lite-v1:0")))
    sandbox.set_faults([Fault("access_denied", operation="CreateInferenceProfile", nth=1)])
    flags = ("--replace", "--failure-tolerance", "0")
    stopped = commands.summary("apply", commands.write("teams.csv", rows("amazon.nova-pro-v1:0")), *flags, code=4)
    sandbox.set_faults([])
    commands.summary("apply", commands.write("teams.csv", rows("amazon.nova-micro-v1:0")), "--replace")
    commands.summary("resume", stopped["run_id"], code=3)
    live = commands("catalog", "--live", "--format", "env").out
    assert Path("all.env").read_text(encoding="utf-8") == live


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
    assert told.endswith("plugin 'catalog' makes no sink: ")
    assert (ended.code, "1 created" in told, "1 created" in after) == (0, False, True)
    assert "`bulkprof runs redeliver " in after


def test_an_account_that_can_not_be_entered_for_a_night_stays_in_the_files(
    commands: CommandLine, sandbox: Sandbox
) -> None:
    commands.config('\n[plugins.catalog]\nfiles = [{ format = "env", out = "all.env" }]\n')
    rows = "name,account,model\na,123456789012,{0}\nb,444455556666,amazon.nova-lite-v1:0\n".format
    commands.summary("apply", commands.write("teams.csv", rows("amazon.nova-lite-v1:0")))
    b = next(line["arn"] for line in commands.results() if line["name"] == "b")
    sandbox.set_denied(accounts=["444455556666"])
    manifest = commands.write("teams.csv", rows("amazon.nova-pro-v1:0") + "c,444455556666,amazon.nova-lite-v1:0\n")
    for _ in range(2):
        commands.summary("apply", manifest, "--replace", code=3)
    a = next(line["arn"] for line in commands.results() if line["name"] == "a")
    lines = f"BEDROCK_PROFILE_A={a}\nBEDROCK_PROFILE_B={b}\n"
    assert Path("all.env").read_text(encoding="utf-8") == lines
    assert commands("catalog", "--format", "env").out == lines
