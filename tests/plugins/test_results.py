"""The shape of results lines: a contract with all programs that read such a file."""

from __future__ import annotations

import csv
import io
import json

from bulkprof.plugins import RESULT_COLUMNS, Outcome, OutcomeKind, Target, outcome_cells, outcome_json, outcome_record
from tests.factories import make_outcomes


def test_the_columns_are_those_of_the_design() -> None:
    design = "file, line, account, region, name, outcome, arn, model, tags, attempts, error_code, error_message"
    assert (*design.split(", "), "source_arn", "description", "old_arn") == RESULT_COLUMNS
    assert tuple(outcome_record(make_outcomes(1)[0])) == RESULT_COLUMNS


def test_csv_and_json_say_the_same() -> None:
    (outcome,) = make_outcomes(1)
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(outcome_cells(outcome))
    buffer.seek(0)
    cells = dict(zip(RESULT_COLUMNS, next(csv.reader(buffer)), strict=True))
    record = json.loads(outcome_json(outcome))
    assert json.loads(cells.pop("tags")) == record.pop("tags") == {"Team": "Search, Zürich"}
    assert cells == {key: str(value) for key, value in record.items()}
    assert record["outcome"] == "created"


def test_a_json_line_is_one_line() -> None:
    text = outcome_json(Outcome(1, Target("1", "r"), "n", OutcomeKind.FAILED, error_message="a\nb"))
    assert text.count("\n") == 1
    assert text.endswith("}\n")


def test_a_deletion_has_no_line() -> None:
    assert outcome_cells(Outcome(1, Target("1", "r"), "n", OutcomeKind.DELETED))[:2] == ["", ""]


def test_what_came_later_is_at_the_end() -> None:
    outcome = Outcome(
        1,
        Target("1", "r"),
        "n",
        OutcomeKind.REPLACED,
        arn="arn:new",
        old_arn="arn:old",
        source_arn="arn:model",
        description="Ranks",
    )
    assert list(json.loads(outcome_json(outcome)).values())[-3:] == ["arn:model", "Ranks", "arn:old"]
    assert outcome_cells(outcome)[-3:] == ["arn:model", "Ranks", "arn:old"]
