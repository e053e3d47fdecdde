from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkprof import limits


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        ("k8s.io", "'.' at position 4 can't be in a name", "e.g. 'k8s-io'"),
        ("a--b", "'-' and '-' at position 2 can't stand side by side", "e.g. 'a-b'"),
        ("a _b", "a space and '_' at position 2", "e.g. 'a-b'"),
        ("-a", "a name can't begin with '-'", "e.g. 'a'"),
        ("café", "'é' (U+00E9) at position 4", "e.g. 'cafe'"),
        ("a\u00a0b", "(U+00A0) at position 2", "e.g. 'a b'"),
        ("x" * 65, "65 characters are too many for a name", "at most 64"),
        ("a\n", "'\\n' (U+000A) at position 2", "e.g. 'a'"),
        ("...", "'.' at positions 1, 2 and 3 can't be in a name", "allowed are"),
        (
            "Søk, A&B, C&D",
            "'ø' (U+00F8) at position 2, ',' at positions 4 and 9, '&' at positions 7 and 12",
            "'Sok-A-B-C-D'",
        ),
        ("." * 9 + "a", "'.' at 9 positions from 1 on can't", "e.g. 'a'"),
        ("!#$%&()*+,", "'!' at position 1, '#' at position 2, ", "allowed are"),
        ("!#$%&()*+,", "'*' at position 8 and 2 more can't be in a name", "allowed are"),
        ("-a  b.", "'.' at position 6 can't be in a name, and a name can't begin with '-', and a space and a", "'a-b'"),
        (
            "a." * 33,
            "and 66 characters are too many for a name",
            "between them, and at most 64 in all, e.g. 'a-a-",
        ),
        ("", "can't be empty", "1 to 64"),
        ("٣", "(U+0663)", "allowed are"),
    ],
)
def test_names(name: str, reason: str, remedy: str) -> None:
    fault = limits.name_fault(name)
    assert fault
    assert reason in fault.reason
    assert remedy in fault.remedy


@pytest.mark.parametrize("name", ["a", "a-", "A_1 b", "x" * 64, "a-b_c d"])
def test_good_names(name: str) -> None:
    assert limits.name_fault(name) is None


def test_descriptions_take_colons_and_dots_doubled() -> None:
    assert limits.description_fault("See: v1..2 of a::b.") is None
    assert "','" in (limits.description_fault("a, b") or ("",))[0]
    assert "201 characters" in (limits.description_fault("x" * 201) or ("",))[0]


def test_a_refused_description_names_the_setting_that_cleans_it() -> None:
    fault = limits.description_fault("Søk & Innsikt (beta)")
    assert fault
    assert fault.remedy.endswith("e.g. 'Sok Innsikt beta'; set `clean_description = true` in [defaults] to get that")
    nothing = limits.description_fault("!!")
    assert nothing
    assert "clean" not in nothing.remedy


def test_all_that_is_wrong_with_a_tag_is_told_with_the_setting_that_cleans_it() -> None:
    value = "Søk & Innsikt, " + "x" * 250
    fault = limits.tag_value_fault(value)
    assert fault == (
        "'ø' (U+00F8) at position 2, '&' at position 5, ',' at position 14 can't be in a tag value, "
        "and 265 characters are too many for a tag value",
        "allowed are letters without accents, digits, spaces and . _ : / = + @ -, at most 256 are allowed",
    )
    assert limits.cleanable("R&D", limits.Fault("no", "mend it")).remedy == (
        "mend it; set `clean = true` in [plugins.tags] to get 'R D'"
    )
    assert limits.cleanable("&", limits.Fault("no", "mend it")).remedy == "mend it"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1.11122E+11", "scientific notation"),
        ("1,11122E+11", "scientific notation"),
        ("12345678901", "012345678901"),
        ("1111-2222-3333", "write just the digits: 111122223333"),
        ("111122223333.0", "write just the digits: 111122223333"),
        ("1111222233334", "has 13 digits"),
        ("ou:Platform", "write ou: and its id"),
        ("ou-ab12-34cd56ef", "write ou:ou-ab12-34cd56ef"),
        ("OU:ou-AB12-34CD56EF", "write ou:ou-ab12-34cd56ef"),
        ("ou:r-ab12", "write org:*"),
        ("r-ab12", "write org:*"),
        ("org:all", "write org:*"),
        ("tag:env", "write tag:KEY=VALUE"),
        ("tag:=prod", "write tag:KEY=VALUE"),
        ("1prod", "is not an AWS account id"),
        ("\u0661" * 12, "is not an AWS account id"),
    ],
)
def test_accounts(value: str, said: str) -> None:
    assert said in " ".join(limits.account_fault(value) or ())


@pytest.mark.parametrize("value", ["111122223333", "prod", "ou:ou-ab12-34cd56ef", "org:*", "tag:a b=", "tag:a=b=c"])
def test_what_can_stand_for_accounts(value: str) -> None:
    assert limits.account_fault(value) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [("US-East-1", "write us-east-1"), ("us_east_1", "write us-east-1"), ("us-east-1a", "zone"), ("x", "as AWS does")],
)
def test_regions(value: str, said: str) -> None:
    assert said in " ".join(limits.region_fault(value) or ())
    assert limits.region_fault("us-gov-west-1") is None


def test_tags() -> None:
    assert limits.tag_faults({"Team": "a b", "a/b:c": ""}) == []
    assert [key for key, _, _ in limits.tag_faults({"AWS:x": "1", "ok": "a,b", "x" * 129: "", "v": "y" * 257})] == [
        "AWS:x", "ok", "x" * 129, "v",
    ]  # fmt: skip
    # Asked again, the answer is the same.
    assert len(limits.tag_faults({"AWS:x": "1", "fine": "1"})) == 1
    assert len(limits.tag_faults({"AWS:x": "1", "fine": "1"})) == 1
    assert limits.tag_count_fault({str(n): "" for n in range(51)})
    assert limits.tag_count_fault({str(n): "" for n in range(50)}) is None


@given(
    st.lists(st.text(alphabet="aB7 \t.:/=+@_-,é\0", max_size=4) | st.sampled_from(["x" * 256, "x" * 257]), max_size=4)
)
def test_tag_values_at_once(values: list[str]) -> None:
    assert limits.tag_values_are_sound(values) is not any(map(limits.tag_value_fault, values))


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("us-east-1, eu-central-1", "us-east-1|eu-central-1"),
        ("us-east-1;us-west-2;", "us-east-1|us-west-2"),
        ("us-east-1 us-west-2", "us-east-1|us-west-2"),
        ("us-east-1\nus-west-2", "us-east-1|us-west-2"),
        ("us-east-1/us-west-2", "us-east-1|us-west-2"),
        ("us-east-1 & us-west-2", "us-east-1|us-west-2"),
        ("us-east-1 (N. Virginia)", ""),
        ("us east-1", ""),
        ("us-east-1,", ""),
    ],
)
def test_several_regions_in_one_cell(value: str, meant: str) -> None:
    fault = limits.region_fault(value)
    assert fault is not None
    told = limits.in_a_cell(value, fault, limits.region_fault)
    assert told == (limits.Fault("holds several values", f"separate them by |: {meant}") if meant else fault)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("111122223333, 444455556666", "111122223333|444455556666"),
        ("111122223333 444455556666", "111122223333|444455556666"),
        ("prod,dev", "prod|dev"),
        ("tag:a=b, org:*", "tag:a=b|org:*"),
        ("1111 2222 3333", ""),
        ("Production account", ""),
    ],
)
def test_several_accounts_in_one_cell(value: str, meant: str) -> None:
    fault = limits.account_fault(value)
    assert fault is not None
    told = limits.in_a_cell(value, fault, limits.account_fault)
    assert told == (limits.Fault("holds several values", f"separate them by |: {meant}") if meant else fault)
