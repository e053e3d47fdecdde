"""`[columns]` together with what manifests can be: workbooks, YAML, objects in S3, and results with own columns."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine, read_csv
from tests.e2e.others import Others
from tests.manifests.making import xlsx

COLUMNS = """
[columns]
name = "Workload"
account = "Account ID"
"tag:CostCentre" = "Cost centre"
owner = ["Owner", "Contact"]
ignore = ["Notes", "Checked"]

[plugins.tags]
columns = { Owner = "OWNER" }
"""
HEADER = ["Workload", "Account ID", "Cost centre", "Contact", "Notes", "Checked"]
BUCKET = "example-manifests"


def refers(sheet: Any, row: int, column: int, book: Any) -> None:
    """A cell whose formula has an error."""
    sheet.write_formula(row, column, "=#REF!", None, "#REF!")


def rows(sandbox: Sandbox) -> list[list[Any]]:
    account = sandbox.settings.default_account
    return [
        ["search", account, "0012", "ann@example.com", "ask \u200bAnn", refers],
        ["docs", account, "0013", "bo@example.com", None, None],
    ]


@pytest.fixture
def teams(commands: CommandLine, sandbox: Sandbox) -> str:
    """A workbook as people have it: with a title, its own headers, and notes that mean nothing here."""
    commands.connect(sandbox)
    commands.config(COLUMNS)
    sheet = [["Our teams, 2026"], [], HEADER, *rows(sandbox)]
    xlsx(commands.folder / "teams.xlsx", {"Read me": [["Fill in the sheet", "Teams"]], "Teams": sheet})
    return "teams.xlsx"


def test_a_workbook(commands: CommandLine, sandbox: Sandbox, teams: str) -> None:
    ended = commands("validate", teams)
    assert (ended.code, "problem" in ended.err, "read by no rule" in ended.err) == (0, False, False), ended.err
    assert commands.apply(teams) == {"created": 2}
    tags = {profile.name: profile.tags for profile in sandbox.ledger().profiles}
    assert (tags["search"]["CostCentre"], tags["docs"]["Owner"]) == ("0012", "bo@example.com")
    # The sheet comes back as it is written, ignored columns too.
    assert commands("report", "--results", "mine.csv").code == 0
    (first, second) = read_csv(commands.folder / "mine.csv")
    assert [*first][-6:] == HEADER
    assert [first[name] for name in ("Workload", "Contact", "Checked")] == ["search", "ann@example.com", "#REF!"]
    assert (first["Notes"], second["Notes"]) == ("ask \\u200bAnn", "")


def test_problems_of_a_workbook_name_cells_and_own_headers(commands: CommandLine, sandbox: Sandbox, teams: str) -> None:
    bad = [*rows(sandbox), ["mail", "9", "x", "c@example.com"], ["mail2", "9", "#REF!", "#REF!"]]
    xlsx(commands.folder / teams, {"Teams": [["Our teams"], HEADER, *bad]})
    ended = commands("validate", teams)
    assert ended.code == 65
    assert "teams.xlsx#Teams!B5" in ended.err
    assert "teams.xlsx#Teams!C6: tag:CostCentre '#REF!'" in ended.err
    assert "teams.xlsx#Teams!D6: owner '#REF!'" in ended.err


def test_a_workbook_without_a_column_that_is_mapped(commands: CommandLine, teams: str) -> None:
    xlsx(commands.folder / teams, {"Teams": [["Workload", "Konto", "Cost centre", "Owner"], ["a", "", "", "x"]]})
    ended = commands("validate", teams)
    assert (ended.code, ended.err.count("[columns] account: no manifest has the column 'Account ID'")) == (1, 1)


def test_yaml(commands: CommandLine, sandbox: Sandbox, teams: str) -> None:
    account = sandbox.settings.default_account
    commands.write(
        "teams.yaml",
        f"""profiles:
- {{Workload: search, Account ID: {account}, Cost centre: 0012, Owner: ann@example.com, Notes: [ask, Ann]}}
- {{workload: docs, account id: {account}, cost centre: 0013, contact: bo@example.com, checked: {{by: x}}}}
""",
    )
    assert commands.apply("teams.yaml") == {"created": 2}
    # The workbook says the same.
    assert commands.apply(teams) == {"unchanged": 2}


def test_a_sheet_in_s3(commands: CommandLine, sandbox: Sandbox, teams: str, others: Others) -> None:
    s3: Any = others.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="org/teams.xlsx", Body=(commands.folder / teams).read_bytes())
    uri = f"s3://{BUCKET}/org/teams.xlsx"
    # Twice the same sheet, once by its name.
    ended = commands("validate", f"{uri}#Teams", uri)
    assert (ended.code, f"{uri}: is given twice (as {uri}#Teams too)" in ended.err) == (65, True), ended.err
    assert "has no sheet 'Other'" in commands("validate", f"{uri}#Other").err
    assert commands.apply(f"{uri}#Teams") == {"created": 2}
    result = commands.results()[0]
    assert (result["file"], result["line"], result["Contact"]) == (f"{uri}#Teams", 4, "ann@example.com")
    assert uri in commands("report").err
    commands("report", "--html", "page.html")
    assert f"{uri}, version <code>" in (commands.folder / "page.html").read_text()


def test_a_folder_in_s3_with_a_workbook(commands: CommandLine, sandbox: Sandbox, teams: str, others: Others) -> None:
    s3: Any = others.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="org/teams.xlsx", Body=(commands.folder / teams).read_bytes())
    # Of a workbook, own columns are always kept.
    assert commands.apply(f"s3://{BUCKET}/org/") == {"created": 2}
    assert [result["Contact"] for result in commands.results()] == ["ann@example.com", "bo@example.com"]
