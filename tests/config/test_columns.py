"""`[columns]`: what the config may say of a sheet's headers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bulkprof.config import ColumnNames, Settings
from bulkprof.text.findings import validation_lines


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"account": ""}, "'account': write the header that the sheet has for this column; it can't be empty"),
        ({"account": []}, "'account': write the header that the sheet has"),
        ({"": "Notes"}, "'': write the header that the sheet has"),
        ({"ignore": ["\u200b"]}, "'ignore': write the header that the sheet has"),
        ({"account": "ID", "Account": "Konto"}, "'account' and 'Account' are the same column; keep one, with a list"),
        ({"tag:A": "x", "Tag: A": "y"}, "'tag:A' and 'Tag: A' are the same column"),
        ({"account": "ID", "team": "id "}, "the header 'id ' stands under 'account' and under 'team'; keep one"),
        ({"account": "ID", "ignore": ["ID"]}, "the header 'ID' stands under 'account' and under 'ignore'; keep one"),
        ({"tag:aws:x": "Team"}, "tag:aws:x: tag keys that begin with 'aws:' belong to AWS"),
        ({"account": 7}, "must be a text"),
    ],
)
def test_what_it_can_not_mean(columns: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"columns": columns})
    (line,) = validation_lines(refused.value, Settings)
    assert line.startswith("columns")
    assert said in line


def test_keys_of_tags_differ_by_case() -> None:
    settings = Settings.model_validate({"columns": {"tag:A": "x", "tag:a": "y", "ignore": "Notes"}})
    naming = ColumnNames(settings.columns)
    assert [naming.meaning(header) for header in (" X", "y", "NOTES", "other")] == ["tag:A", "tag:a", None, "other"]
    assert naming.headers == {"tag:A": ("x",), "tag:a": ("y",)}
