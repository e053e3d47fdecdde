"""A profile that wants the code of an MFA device: asked on a terminal, off the SDK's way; one line without one."""

from __future__ import annotations

import os
import pty
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli import warm
from tests.cli.driver import CommandLine, read_json

PROFILES = """
[profile base]
aws_access_key_id = AKIASANDBOXSANDBOX00
aws_secret_access_key = sandbox
[profile admin]
role_arn = arn:aws:iam::123456789012:role/Admin
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
region = us-east-1
"""
QUESTION = "Enter MFA code for arn:aws:iam::123456789012:mfa/me: "


@pytest.fixture
def with_mfa(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    commands.write("aws.conf", PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(commands.folder / "aws.conf"))
    monkeypatch.setenv("AWS_PROFILE", "admin")
    commands.manifest("team-a")
    return commands


@contextmanager
def on_a_terminal(commands: CommandLine, *arguments: str) -> Iterator[tuple[warm.Process, int, int, int]]:
    """A command whose standard input is a terminal, with the other ends of its three streams."""
    ours, theirs = pty.openpty()
    (out, their_out), (err, their_err) = os.pipe(), os.pipe()
    streams = (theirs, their_out, their_err)
    try:
        with warm.Process(arguments, cwd=commands.folder, env=os.environ, streams=streams) as process:
            for stream in streams:
                os.close(stream)
            yield process, ours, out, err
            process.kill()
    finally:
        for stream in (ours, out, err):
            os.close(stream)


def read_until(stream: int, text: str) -> str:
    said = b""
    while text.encode() not in said:
        piece = os.read(stream, 4096)
        assert piece, said
        said += piece
    return said.decode()


def read_all(stream: int) -> str:
    pieces = []
    while piece := os.read(stream, 4096):
        pieces.append(piece)
    return b"".join(pieces).decode()


@pytest.mark.parametrize("command", [("apply", "teams.csv", "--yes"), ("export",), ("plan", "teams.csv")])
def test_without_a_terminal_it_is_one_line(with_mfa: CommandLine, sandbox: Sandbox, command: tuple[str, ...]) -> None:
    # A process of its own session, so without a terminal, wherever the tests themselves run.
    ended = with_mfa.process(*command)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert "asks for the code of an MFA device (mfa_serial), and there is no terminal" in line
    assert "run this in a terminal, or set a session's keys first" in line
    assert not sandbox.ledger().profiles


def test_with_a_terminal_the_code_is_asked_for(with_mfa: CommandLine, sandbox: Sandbox) -> None:
    with on_a_terminal(with_mfa, "apply", "teams.csv", "--yes", "--json") as (process, terminal, out, err):
        read_until(err, QUESTION)
        os.write(terminal, b"123456\n")
        assert read_json(read_all(out))["outcomes"]["created"] == 1
        assert "Traceback" not in read_all(err)
        assert process.wait() == 0
    # Once to become the role, and never again.
    assert sandbox.ledger().count("AssumeRole") == 1


@pytest.mark.parametrize("answer", [b"\n", b"\x04"])
def test_no_answer_is_one_line(with_mfa: CommandLine, answer: bytes) -> None:
    with on_a_terminal(with_mfa, "apply", "teams.csv", "--yes") as (process, terminal, _, err):
        read_until(err, QUESTION)
        os.write(terminal, answer)
        (line,) = read_all(err).splitlines()
        assert "(mfa_serial), and none was given" in line
        assert process.wait() == 1


def test_ctrl_c_ends_the_question(with_mfa: CommandLine) -> None:
    with on_a_terminal(with_mfa, "apply", "teams.csv", "--yes", "--json") as (process, _, out, err):
        read_until(err, QUESTION)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert read_json(read_all(out))["exit_code"] == 130
        assert "Traceback" not in read_all(err)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
