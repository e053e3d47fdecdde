"""Text that AWS takes: no letter is lost, and what was fit stays as it is."""

from __future__ import annotations

import pickle
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof import limits
from bulkprof.text.cleaning import DESCRIPTIONS, NAMES, TAG_VALUES, Allowed, Cleaned, clean, in_plain_letters


@pytest.mark.parametrize(
    ("value", "name", "description", "tag"),
    [
        ("Łódź", "Lodz", "Lodz", "Lodz"),
        ("Ørsted", "Orsted", "Orsted", "Orsted"),
        ("Straße", "Strasse", "Strasse", "Strasse"),
        ("Søk & Innsikt", "Sok-Innsikt", "Sok Innsikt", "Sok Innsikt"),
        ("Cafe\u0301 Zürich", "Cafe Zurich", "Cafe Zurich", "Cafe Zurich"),
        ("Þór, Đorđe", "Thor-Dorde", "Thor Dorde", "Thor Dorde"),
        ("Платёж подъезд", "Platezh podezd", "Platezh podezd", "Platezh podezd"),
        ("研究", "YanJiu", "YanJiu", "YanJiu"),
        ("½ №1 ²", "1-2 No1 2", "1 2 No1 2", "1/2 No1 2"),
        ("a\u2013b €5 ✓", "a-b-5", "a b 5", "a b 5"),
        ("k8s.io", "k8s-io", "k8s.io", "k8s.io"),
        (" -a: (b) ", "a-b", "a: b", "-a: b"),
        ("R&D", "R-D", "R D", "R D"),
        ("&", "", "", ""),
        ("#REF!", "", "", ""),
        ("1.23457E+11", "", "", ""),
    ],
)
def test_no_letter_is_lost(value: str, name: str, description: str, tag: str) -> None:
    assert clean(value, NAMES) == name
    assert clean(value, DESCRIPTIONS) == description
    assert clean(value, TAG_VALUES) == tag


@pytest.mark.parametrize("allowed", [NAMES, DESCRIPTIONS, TAG_VALUES])
@given(value=st.text(max_size=300))
def test_what_is_cleaned_is_what_aws_takes(allowed: Allowed, value: str) -> None:
    cleaned = clean(value, allowed)
    fault_of = {NAMES: limits.name_fault, DESCRIPTIONS: limits.description_fault, TAG_VALUES: limits.tag_value_fault}
    assert not cleaned or fault_of[allowed](cleaned) is None
    assert clean(cleaned, allowed) == cleaned
    assert cleaned.given == value


LETTERS = st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F)


@given(st.text(LETTERS, min_size=1, max_size=20))
def test_every_letter_of_european_languages_leaves_one(word: str) -> None:
    kept = clean(word, replace(TAG_VALUES, length=1000))
    assert re.fullmatch("[A-Za-z]+", kept)
    assert len(kept) >= len(unicodedata.normalize("NFC", word))


@given(st.text(st.characters(max_codepoint=0x7F), max_size=50))
def test_plain_text_is_written_in_its_own_letters(text: str) -> None:
    assert in_plain_letters(text) == text


def test_what_was_given_is_kept_where_a_value_is_sent_on() -> None:
    cleaned = pickle.loads(pickle.dumps(Cleaned("Sok", "Søk")))
    assert (cleaned, cleaned.given) == ("Sok", "Søk")
