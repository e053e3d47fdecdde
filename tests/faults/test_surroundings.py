"""Surroundings that are broken: one line that says what and what to do, the right exit code, one object on stdout."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bulkprof.sandbox import Sandbox, SandboxSettings
from tests.cli import warm
from tests.cli.driver import read_json
from tests.faults.broken import BREAKAGES, SECRET, Broken
from tests.faults.scenarios import chosen


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything alike; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "https://login.example.com/portal")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_CONNECT = answer  # noqa: N815 - as the base class calls them

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def run(folder: Path, broken: Broken, sandbox: Sandbox) -> tuple[int, str, str]:
    """The command as its user would start it there."""
    folder.mkdir()
    files = {"teams.csv": b"name\nteam-a\n", "bulkprof.toml": _bytes(broken.toml), **broken.files}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKPROF_"))}
    environment |= sandbox.environment()
    environment |= {"HOME": str(folder), "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    if broken.config is not None or broken.credentials is not None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.pop(name, None)
        files["aws-config"], files["aws-credentials"] = _bytes(broken.config or ""), _bytes(broken.credentials or "")
        environment["AWS_CONFIG_FILE"] = str(folder / "aws-config")
        environment["AWS_SHARED_CREDENTIALS_FILE"] = str(folder / "aws-credentials")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    environment |= {name: value.replace("{folder}", str(folder)) for name, value in broken.env.items()}
    if broken.answer is None:
        return _run(folder, broken, environment)
    variable, status, body = broken.answer
    with answering(status, body) as url:
        return _run(folder, broken, {**environment, variable: url})


def _run(folder: Path, broken: Broken, environment: Mapping[str, str]) -> tuple[int, str, str]:
    arguments = (*broken.arguments, "--json", "--log-format", "json")
    with warm.Process(arguments, cwd=folder, env=environment) as process:
        out, err = process.communicate(timeout=60)
        return process.wait(), out, err


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, str]]:
    """How the command ended in each of the surroundings that are tested."""
    folder = tmp_path_factory.mktemp("broken")
    with Sandbox(SandboxSettings()) as sandbox, ThreadPoolExecutor(4) as pool:
        futures = {
            name: pool.submit(run, folder / str(number), BREAKAGES[name], sandbox)
            for number, name in enumerate(chosen(request, "name"))
        }
        found = {name: future.result() for name, future in futures.items()}
        assert sandbox.ledger().count("CreateInferenceProfile") == 0
    return found


@pytest.mark.parametrize("name", BREAKAGES)
def test_it_is_told_in_one_line(ended: dict[str, tuple[int, str, str]], name: str) -> None:
    broken, (code, out, err) = BREAKAGES[name], ended[name]
    assert code == broken.code, err
    assert err.count("\n") == 1, err
    line = json.loads(err)
    assert line["level"] == "error"
    for said in broken.said:
        assert said in line["message"]
    assert "\n" not in line["message"]
    told = read_json(out)
    assert told == {"error": line["message"], "exit_code": code}
    assert SECRET not in out + err
    # Whatever it is, there is something to do about it.
    assert any(
        word in line["message"] for word in ("check", "set ", "sign in", "write", "run that", "save", "rename", "leave")
    )
