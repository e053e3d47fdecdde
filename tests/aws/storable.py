"""Checks that an error can be stored and shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import bulkprof.errors as e


def can_be_stored(error: e.AwsError) -> None:
    assert (str(error) + error.code).isprintable()
    # Programs get the very text, which is made visible where it is shown.
    for text in (str(error), error.message, error.code):
        assert len(text) < 2_500
        with closing(sqlite3.connect(":memory:")) as database:
            assert database.execute("SELECT ?", (text,)).fetchone() == (text,)
