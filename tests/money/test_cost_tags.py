"""Cost allocation tags: what billing makes of a key, and months that past costs can be counted from."""

from __future__ import annotations

from datetime import date

import pytest

from bulkprof.money.cost_tags import BillingTag, TagStatus, backfill_since, cost_tags

TODAY = date(2026, 10, 15)


def test_each_key_has_its_status() -> None:
    seen = [BillingTag("Team", True, "2026-10-01"), BillingTag("App", False, ""), BillingTag("Other", True, "")]
    found = cost_tags({"Team": 3, "App": 1, "New": 2}, seen)
    assert [(tag.key, tag.status, tag.profiles, tag.last_used) for tag in found] == [
        ("App", TagStatus.INACTIVE, 1, ""),
        ("New", TagStatus.UNSEEN, 2, ""),
        ("Team", TagStatus.ACTIVE, 3, "2026-10-01"),
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_a_key_that_is_there_twice_is_active_where_one_of_them_is(turned: bool) -> None:
    seen = [BillingTag("Team", True, ""), BillingTag("Team", False, "")]
    (tag,) = cost_tags({"Team": 1}, seen[::-1] if turned else seen)
    assert tag.status is TagStatus.ACTIVE


@pytest.mark.parametrize("month", ["2026-10", "2026-09", "2025-10"])
def test_months_that_can_be_counted_again(month: str) -> None:
    assert backfill_since(month, TODAY).isoformat() == f"{month}-01"


@pytest.mark.parametrize(
    ("month", "said"),
    [
        ("2026-11", "is in the future"),
        ("2025-09", "is 13 months ago; AWS counts past costs again for 12 at most"),
        ("2026-13", "write a month as YYYY-MM"),
        ("2026-09-01", "write a month as YYYY-MM"),
        ("0000-01", "write a month as YYYY-MM"),
        ("", "write a month as YYYY-MM"),
    ],
)
def test_months_that_cannot(month: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        backfill_since(month, TODAY)
