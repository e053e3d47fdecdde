"""Smoke against an AWS that isn't ours: ministack from the package index, where its command is on the path.

It serves the operations loosely (it keeps neither unique names nor tokens), and is no dependency of the project: it
wants another botocore, so install it in an environment of its own, as `pipx install ministack` does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.driver import CommandLine

PATIENCE_S = 30.0
MINISTACK = shutil.which("ministack")
pytestmark = pytest.mark.skipif(MINISTACK is None, reason="optional: pipx install ministack")


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Where it serves: it would listen on all addresses unless told otherwise."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": str(tmp_path)}
    with (tmp_path / "ministack.log").open("wb") as log:
        assert MINISTACK is not None
        process = subprocess.Popen([MINISTACK], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            give_up = time.monotonic() + PATIENCE_S
            while not _answers(port):
                assert process.poll() is None, (tmp_path / "ministack.log").read_text()
                assert time.monotonic() < give_up, "ministack doesn't answer"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_apply_and_apply_again(commands: CommandLine, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    manifest = commands.manifest(*(f"team-{number}" for number in range(10)))
    assert commands.apply(manifest) == {"created": 10}
    assert commands.apply(manifest) == {"unchanged": 10}
