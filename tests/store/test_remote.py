"""What is told of a run beside its object in S3."""

from __future__ import annotations

import pytest

from bulkprof.store.remote.kept import KeptRun

RUN = KeptRun("finished", "sync", "2026-11-28T02:15:00+00:00", "platform", {"created": 3}, ("s3", "sløck"), lost=True)


def test_it_comes_back_as_it_was() -> None:
    metadata = RUN.to_metadata()
    assert all(value.isascii() for value in metadata.values())
    assert KeptRun.from_metadata(metadata) == RUN


def test_many_sinks_leave_room_for_the_rest() -> None:
    many = KeptRun(status="finished", sinks_missing=tuple(f"webhook-{number}" for number in range(500)))
    metadata = many.to_metadata()
    assert len(metadata["run"]) <= 1800
    found = KeptRun.from_metadata(metadata)
    assert found is not None
    assert set(found.sinks_missing) < set(many.sinks_missing)
    assert found.sinks_missing


@pytest.mark.parametrize("text", ["", "[]", "7", '{"status": 1}', '{"outcomes": ["x"]}', '{"sinks_missing": 4}', "{"])
def test_what_another_program_wrote_tells_nothing(text: str) -> None:
    assert KeptRun.from_metadata({"run": text}) is None
    assert KeptRun.from_metadata({}) is None
