"""The lock of a file that is worked on in place."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bulkprof.errors import LockHeldError, StateError
from bulkprof.locks import beside
from bulkprof.locks.beside import FileLock


def lock(path: Path) -> FileLock:
    return FileLock(path, "prod", run_id="run-1", command="apply")


def test_one_at_a_time(tmp_path: Path) -> None:
    share = tmp_path / "share-0001.db"
    with lock(share):
        with (
            pytest.raises(LockHeldError, match=r"share-0001\.db: another process is at work on it: run run-1"),
            lock(share),
        ):
            pytest.fail("two at once")
        with lock(tmp_path / "share-0002.db"):
            pass
    with lock(share):
        pass


@pytest.mark.parametrize(("number", "told"), [(errno.EROFS, "can't be written"), (errno.ENOLCK, "can't be locked")])
def test_where_nothing_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "no")

    monkeypatch.setattr(beside, "open_private", refuse)
    with pytest.raises(StateError, match=rf"{told}: no; copy share\.db to a local disk"), lock(tmp_path / "share.db"):
        pytest.fail("no lock")
