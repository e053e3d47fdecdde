"""What the headers of error responses say: how long to wait, and dates."""

from __future__ import annotations

import pytest

from bulkprof.system.retry_after import http_date, retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("86400", 86_400.0),
        ("1e300", 1e300),
        ("-1e300", 0.0),
        ("1e400", None),
        ("Wed, 21 Oct 100000000000000000000 07:28:00 GMT", None),
        ("Wed, 99 Oct 2015 07:28:05 GMT", None),
        ("Wed, 21 Oct 2015 07:28:05 -0000", 5.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_951_848_319.0),
        ("\u00ff", None),
        ("", None),
    ],
)
def test_waits_that_are_asked_for(value: str, seconds: float | None) -> None:
    found = retry_after({"retry-after": value, "date": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert found == (pytest.approx(seconds, rel=0.01) if seconds else seconds)


def test_dates_have_a_zone() -> None:
    found = http_date("Wed, 21 Oct 2015 07:28:05 -0000")
    assert found is not None
    assert found.tzinfo is not None
