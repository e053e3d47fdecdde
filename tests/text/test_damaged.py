from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof.text.damaged import are_undamaged, damage, is_error

# ruff: noqa: RUF001 - spreadsheets write errors in their user's language
ERRORS = [
    "#REF!", "#N/A", "#NAME?", "#DIV/0!", "#VALUE!", "#NULL!", "#NUM!", "#SPILL!", "#BEZUG!", "#NV", "#¡REF!",
    "#¿NOMBRE?", "#ССЫЛКА!", "#ERROR!", "########", "Err:502", " #REF! ",
]  # fmt: skip


@pytest.mark.parametrize("value", ERRORS)
def test_errors_of_spreadsheets(value: str) -> None:
    found = damage(value)
    assert found
    assert found.reason == "is an error that a spreadsheet shows in place of a value"
    assert is_error(value)


@pytest.mark.parametrize("value", ["1.23457E+11", "1,23457E+11", "-1.2e+05", "1E+100"])
def test_numbers_that_lost_digits(value: str) -> None:
    assert "scientific notation" in (damage(value) or ("",))[0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("te\u200bam", "at position 3: ZERO WIDTH SPACE, U+200B"), ("team\ufeff", "at position 5: ZERO WIDTH NO-BREAK"),
        ("\u202dteam", "at position 1: LEFT-TO-RIGHT OVERRIDE"), ("te\u00adam", "SOFT HYPHEN"),
        ("te\x00am", "a control character, U+0000"), ("te\u200dam", "ZERO WIDTH JOINER"), ("ㅤ", "HANGUL FILLER"),
    ],
)  # fmt: skip
def test_characters_that_cannot_be_seen(value: str, said: str) -> None:
    assert said in (damage(value) or ("",))[0]


@pytest.mark.parametrize(
    "value",
    [
        "", "team-a", "#1 team", "team #5", "#team", "#A!", "C#", "A+B", "1E11", "1.5", "E+S", "Error: 5", "a\nb\tc",
        "Łódź", "Søk & Innsikt", "a\u00a0b", "👩\u200d💻 Team", "❤\ufe0f", "می\u200cخواهم", "+49 30 1234", "Err: none",
    ],
)  # fmt: skip
def test_sound_values(value: str) -> None:
    assert damage(value) is None


@given(st.lists(st.sampled_from([*ERRORS, "a", "E+1", "1E+10", "é", "Err:5", ""]), max_size=4))
def test_values_at_once(values: list[str]) -> None:
    assert are_undamaged(values) is not any(map(damage, values))
