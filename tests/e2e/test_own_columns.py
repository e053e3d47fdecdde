"""`--results-columns`: the manifest's own columns come back with what became of each row, also later, from the run."""

from __future__ import annotations

import json
from datetime import date

import anyio
import pytest
from python_calamine import CalamineWorkbook

import bulkprof
from bulkprof.config import load
from bulkprof.errors import ExitCode
from bulkprof.manifests.workbooks.places import is_workbook
from bulkprof.model import OutcomeKind
from bulkprof.plugins import RESULT_COLUMNS
from bulkprof.sandbox import Sandbox
from bulkprof.stop import Stop
from bulkprof.totals import Plan
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options
from tests.cli.driver import CommandLine, read_csv
from tests.manifests.making import dated, xlsx

HEADER = "name,region,Owner mail,Notes"
ROWS = ("b,us-east-1|eu-central-1,b@example.com,=1+1", "a,,a@example.com,", "c,us-east-1,,last")
OWN = ["manifest:name", "manifest:region", "Owner mail", "Notes"]
MAILS = ["b@example.com", "b@example.com", "a@example.com", ""]


def mails(commands: CommandLine, file: str = "results.csv") -> list[tuple[str, str]]:
    return [(row["name"], row["Owner mail"]) for row in read_csv(commands.folder / file)]


def test_the_sheet_comes_back_in_its_order(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(*ROWS, header=HEADER)
    ended = commands("apply", "teams.csv", "--yes", "--results", "results.csv", "--results-columns")
    assert ended.code == 0, ended.err
    rows = read_csv(commands.folder / "results.csv")
    assert list(rows[0]) == [*RESULT_COLUMNS, *OWN]
    assert mails(commands) == list(zip(["b", "b", "a", "c"], MAILS, strict=True))
    assert [row["manifest:region"] for row in rows] == ["us-east-1|eu-central-1"] * 2 + ["", "us-east-1"]
    assert [row["Notes"] for row in rows] == ["'=1+1", "'=1+1", "", "last"]
    assert all(row["arn"] for row in rows)


def test_a_later_report_needs_no_manifest(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(*ROWS, header=HEADER)
    assert commands("sync", "teams.csv", "--yes", "--results-columns").code == 0
    (commands.folder / "teams.csv").unlink()
    for number, flags in enumerate([(), ("--results-columns",)]):
        assert commands("report", "--results", f"{number}.csv", *flags).err == f"results: {number}.csv\n"
        assert [mail for _, mail in mails(commands, f"{number}.csv")] == MAILS
    (run,) = commands("runs", "--json").json()["runs"]
    assert [each["Owner mail"] for each in commands("report", run["run_id"], "--json").json()["results"]] == MAILS


def test_a_plan_keeps_them_for_its_apply(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest(*ROWS, header=HEADER)
    assert commands("plan", "teams.csv", "--out", "plan.db", "--results-columns").code == 0
    (commands.folder / "teams.csv").unlink()
    assert commands("apply", "plan.db", "--yes", "--results", "results.csv").code == 0
    assert [mail for _, mail in mails(commands)] == MAILS


def test_a_resume_has_them(commands: CommandLine, sandbox: Sandbox) -> None:
    stop = Stop()

    class Stops(Ui):
        async def confirm(self, plan: Plan) -> bool:
            stop.request(ExitCode.SAFETY_LIMIT, "enough")
            return True

    manifest = commands.manifest(*ROWS, header=HEADER)
    summary = anyio.run(bulkprof.apply, manifest, Options(config=load(), results_columns=True), Stops(), stop)
    assert summary.outcomes[OutcomeKind.SKIPPED] == 4
    assert commands("resume", "--yes", "--results", "results.csv").code == 0
    assert [mail for _, mail in mails(commands)] == MAILS


def test_deletions_have_none_and_invalid_rows_dont_shift_them(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.apply(commands.manifest("a", "gone"))
    commands.manifest("a,1@example.com,", "x!,2@example.com,", "b,3@example.com,", header="name,Owner mail,Notes")
    flags = ("--yes", "--results", "results.csv", "--results-columns")
    assert commands("sync", "teams.csv", *flags, "--skip-invalid").code == 3
    assert mails(commands) == [("a", "1@example.com"), ("b", "3@example.com")]
    commands.manifest("a,1@example.com", header="name,Owner mail")
    assert commands("sync", "teams.csv", "--prune", *flags).code == 0
    assert sorted(mails(commands)) == [("a", "1@example.com"), ("b", ""), ("gone", "")]


def test_json_on_one_line_and_several_manifests(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = [{"name": f"n{number}", "seats": number, "region": ["us-east-1"]} for number in range(3)]
    commands.write("a.json", json.dumps(rows))
    commands.manifest("m,1", header="name,Ticket", file="b.csv")
    flags = ("--yes", "--results", "results.jsonl", "--results-columns")
    assert commands("apply", "a.json", "b.csv", *flags).code == 0
    told = commands.results()
    assert list(told[0]) == [*RESULT_COLUMNS, "manifest:name", "seats", "manifest:region", "Ticket"]
    assert [(row["seats"], row["manifest:region"], row["Ticket"]) for row in told] == [
        *((str(number), ["us-east-1"], "") for number in range(3)), ("", "", "1"),
    ]  # fmt: skip


def test_where_they_arent_kept_that_is_said(commands: CommandLine, sandbox: Sandbox) -> None:
    assert commands("plan", commands.manifest(*ROWS, header=HEADER), "--out", "plan.db").code == 0
    run_id = commands.summary("apply", "teams.csv")["run_id"]
    said = (
        "doesn't keep its manifests' columns, since it was planned without the flag; leave it out here, or give it "
        "when you plan or apply the manifests\n"
    )
    for command in (("report", run_id, "--results", "again.csv"), ("apply", "plan.db", "--yes")):
        refused = commands(*command, "--results-columns")
        assert (refused.code, refused.err.startswith("error: --results-columns: run 2")) == (64, True), refused.err
        assert refused.err.endswith(said)
    assert not (commands.folder / "again.csv").exists()


@pytest.mark.parametrize("name", ["teams.xlsx", "a/Teams.XLSM#My sheet", "s3://bucket/key.ods", "t.xls"])
def test_workbooks_are_known_by_their_names(name: str) -> None:
    """Their columns are always kept."""
    assert is_workbook(name)


@pytest.mark.parametrize("name", ["teams.csv", "xlsx", "teams.xlsx.csv", "-"])
def test_what_is_no_workbook(name: str) -> None:
    assert not is_workbook(name)


def test_a_workbook_comes_back_unasked(commands: CommandLine, sandbox: Sandbox) -> None:
    rows = [
        ["Teams of 2026"],
        ["Name", "Region", None, "Approved on", "Seats"],
        ["a", "us-east-1|eu-central-1", None, dated(date(2026, 3, 1)), 12],
        ["b", None, None, None, None],
    ]
    xlsx(commands.folder / "teams.xlsx", {"Notes": [["nothing"]], "Teams": rows})
    assert commands("apply", "teams.xlsx", "--yes", "--results", "results.xlsx").code == 0
    (commands.folder / "teams.xlsx").unlink()
    assert commands("report", "--results", "again.xlsx").code == 0
    header, *told = (
        CalamineWorkbook.from_path(str(commands.folder / "results.xlsx")).get_sheet_by_name("results").to_python()
    )
    assert header == [*RESULT_COLUMNS, "manifest:Name", "manifest:Region", "Approved on", "Seats"]
    assert [row[-4:] for row in told] == [
        *[["a", "us-east-1|eu-central-1", "2026-03-01", "12"]] * 2, ["b", "", "", ""],
    ]  # fmt: skip
    assert [row[:6] for row in told] == [
        ["teams.xlsx#Teams", 3, "123456789012", "us-east-1", "a", "created"],
        ["teams.xlsx#Teams", 3, "123456789012", "eu-central-1", "a", "created"],
        ["teams.xlsx#Teams", 4, "123456789012", "us-east-1", "b", "created"],
    ]
    again = CalamineWorkbook.from_path(str(commands.folder / "again.xlsx")).get_sheet_by_name("results").to_python()
    assert again == [header, *told]
