"""The lock of a state directory: the kernel's, between real processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bulkprof.errors import ExitCode, LockHeldError, StateError
from bulkprof.locks.local import StateLock

HOLD = """
import sys
from pathlib import Path
from bulkprof.locks.local import StateLock
with StateLock(Path(sys.argv[1]), "prod", run_id="run-1", command="apply"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def leave_record(lock: StateLock, **changed: object) -> None:
    """What a holder leaves that is killed."""
    with lock:
        record = json.loads(lock.path.read_text())
    lock.path.write_text(json.dumps({**record, **changed}))


def test_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    with holding(tmp_path) as process:
        with pytest.raises(LockHeldError) as caught, StateLock(tmp_path, "prod"):
            pytest.fail("two runs at once")
        assert caught.value.exit_code is ExitCode.LOCKED
        message = str(caught.value)
        record = json.loads(StateLock(tmp_path, "prod").path.read_text())
        assert f"pid {process.pid} on {os.uname().nodename}, since {record['since']}" in message
        assert "run run-1 (apply)" in message
        assert f"kill {process.pid}" in message
        process.communicate("", timeout=5)
        with StateLock(tmp_path, "prod") as lock:
            assert lock.previous is None


def test_killed_holder_lets_the_next_in(tmp_path: Path) -> None:
    warnings: list[str] = []
    with holding(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=5)
        with StateLock(tmp_path, "prod", warn=warnings.append) as lock:
            assert lock.previous is not None
            assert (lock.previous.pid, lock.previous.run_id) == (process.pid, "run-1")
    assert warnings == []


def test_estates_and_directories_are_apart(tmp_path: Path) -> None:
    names = ["prod", "a/b", "../prod", "x" * 256, "PROD"]
    locks = [StateLock(tmp_path / folder, name) for name in names for folder in ("one", "two")]
    for lock in locks:
        lock.__enter__()
    assert len({lock.path for lock in locks}) == 10
    assert {lock.path.parent for lock in locks} == {tmp_path / "one" / "locks", tmp_path / "two" / "locks"}
    for lock in locks:
        lock.__exit__(None, None, None)


def test_let_go_after_a_failure_and_taken_again(tmp_path: Path) -> None:
    lock = StateLock(tmp_path, "prod")
    with pytest.raises(KeyError), lock:
        raise KeyError
    with lock, pytest.raises(LockHeldError), StateLock(tmp_path, "prod"):
        pytest.fail("two runs of one process at once")
    with StateLock(tmp_path, "prod"):
        assert lock.path.exists()


def test_a_refused_one_doesnt_let_go_for_the_holder(tmp_path: Path) -> None:
    with StateLock(tmp_path, "prod") as lock:
        for _ in range(2):
            with pytest.raises(LockHeldError), StateLock(tmp_path, "prod"):
                pytest.fail("two runs at once")
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()


def test_children_dont_keep_it(tmp_path: Path) -> None:
    """Neither a program that was started meanwhile nor a fork holds on to it when the run is over."""
    with StateLock(tmp_path, "prod") as lock:
        assert lock._file is not None
        assert not os.get_inheritable(lock._file)
        wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        started = subprocess.Popen(wait, stdin=subprocess.PIPE, close_fds=False)
        copy = os.dup(lock._file)  # what a fork has: another descriptor of the same open file
    with started, StateLock(tmp_path, "prod"):
        os.close(copy)
        started.kill()


def test_another_hosts_record_is_taken_over_with_a_warning(tmp_path: Path) -> None:
    leave_record(StateLock(tmp_path, "prod", run_id="run-9"), host="build-7")
    warnings: list[str] = []
    with StateLock(tmp_path, "prod", warn=warnings.append) as lock:
        assert lock.previous is not None
    assert len(warnings) == 1
    assert "run run-9" in warnings[0]
    assert "build-7" in warnings[0]
    assert "[lock]" in warnings[0]


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": "x"}', "\x00\xff", '{"pid": 1}', '{"pid": 1, "host": 5}'])
def test_a_damaged_record_is_no_obstacle(tmp_path: Path, record: str) -> None:
    path = StateLock(tmp_path, "prod").path
    path.parent.mkdir()
    path.write_text(record, encoding="latin-1")
    with StateLock(tmp_path, "prod"):
        path.write_text(record, encoding="latin-1")
        with pytest.raises(LockHeldError), StateLock(tmp_path, "prod"):
            pytest.fail("two runs at once")


def test_a_record_cant_reach_the_terminal(tmp_path: Path) -> None:
    with StateLock(tmp_path, "prod") as lock:
        record = json.loads(lock.path.read_text())
        lock.path.write_text(json.dumps({**record, "host": "\x1b[2Jevil\n" + "x" * 1000}))
        with pytest.raises(LockHeldError) as caught, StateLock(tmp_path, "prod"):
            pytest.fail("two runs at once")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_record_holds_no_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bulkprof", "--canary-secret"])
    with StateLock(tmp_path, "prod", command="apply") as lock:
        record = json.loads(lock.path.read_text())
    assert set(record) == {"pid", "host", "since", "run_id", "command", "estate"}
    assert "canary" not in json.dumps(record)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_read_only_or_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    # Not with real permissions: root may write anywhere.
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StateError, match=os.strerror(number)), StateLock(tmp_path, "prod"):
        pytest.fail("nothing can be locked there")


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("")
    with pytest.raises(StateError, match="--state-dir"), StateLock(tmp_path, "prod"):
        pytest.fail("nothing can be locked there")


def test_full_disk_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: 3)
        with pytest.raises(StateError, match=os.strerror(errno.ENOSPC)), StateLock(tmp_path, "prod"):
            pytest.fail("the record wasn't written")
    with StateLock(tmp_path, "prod"):
        assert not list(tmp_path.glob("*.lock"))


def test_file_systems_without_locks_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refuse)
        with pytest.raises(StateError, match="local disk"), StateLock(tmp_path, "prod"):
            pytest.fail("nothing can be locked there")
