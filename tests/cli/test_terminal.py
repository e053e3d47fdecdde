"""bulkprof on a terminal: colours, a bar, the question. And without one: plain lines."""

from __future__ import annotations

import os
import pty
import re
import signal
from collections.abc import Iterator

import pytest

from bulkprof.cli.terminal import Out
from bulkprof.model import Outcome, OutcomeKind, Target
from bulkprof.reports.progress import LINE_EVERY_S, ProgressView
from bulkprof.sandbox import Fault, Rate, Sandbox
from tests.cli import warm
from tests.cli.driver import CommandLine

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OnTerminal:
    """A command line on a terminal of its own."""

    def __init__(self, commands: CommandLine, *arguments: str, **environment: str) -> None:
        self.master, slave = pty.openpty()
        self.seen = ""
        variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **environment}
        self.process = warm.Process(arguments, cwd=commands.folder, env=variables, streams=[slave] * 3)
        os.close(slave)

    def read(self) -> str:
        """What came next; empty at the end."""
        try:
            text = os.read(self.master, 65536).decode()
        except OSError:
            # How Linux says that the other end is closed.
            return ""
        self.seen += text
        return text

    def until(self, text: str) -> None:
        """Read until `text` is on the terminal."""
        while text not in self.seen:
            assert self.read(), self.seen

    def end(self) -> int:
        """Read to the end. Return the exit code."""
        while self.read():
            pass
        return self.process.wait(timeout=30)

    def close(self) -> None:
        with self.process:
            self.process.kill()
        os.close(self.master)


@pytest.fixture
def on_terminal(commands: CommandLine, sandbox: Sandbox) -> Iterator[type[OnTerminal]]:
    opened: list[OnTerminal] = []

    class Opened(OnTerminal):
        def __init__(self, *arguments: str, **environment: str) -> None:
            super().__init__(commands, *arguments, **environment)
            opened.append(self)

    yield Opened  # type: ignore[misc]
    for terminal in opened:
        terminal.close()


def test_a_terminal_gets_colours_and_a_bar(commands: CommandLine, sandbox: Sandbox, on_terminal: type) -> None:
    sandbox.set_rate(Rate(12, 2), operation="CreateInferenceProfile")
    terminal = on_terminal("apply", commands.manifest(*(f"team-{number}" for number in range(8))), "--yes")
    assert terminal.end() == 0
    assert "\x1b[32m+ team-0\x1b[0m" in terminal.seen
    assert "━" in terminal.seen
    assert re.search(r"profiles .* [1-8]/8", ESCAPE.sub("", terminal.seen))


@pytest.mark.parametrize("how", [("--no-color", ""), ("", "1")])
def test_no_colours_on_a_terminal(commands: CommandLine, on_terminal: type, how: tuple[str, str]) -> None:
    flag, variable = how
    arguments = [part for part in ("plan", commands.manifest("team-a"), flag) if part]
    terminal = on_terminal(*arguments, **({"NO_COLOR": variable} if variable else {}))
    assert terminal.end() == 0
    assert "+ team-a" in ESCAPE.sub("", terminal.seen)
    colours = [code for code in ESCAPE.findall(terminal.seen) if re.search(r"[\[;](3[0-7]|9[0-7]|38;)", code)]
    assert colours == []


def test_no_escapes_without_a_terminal(commands: CommandLine, sandbox: Sandbox) -> None:
    for arguments in (("plan", "teams.csv"), ("apply", "teams.csv", "--yes"), ("runs",), ("plugins",)):
        commands.manifest("team-a")
        ended = commands(*arguments)
        assert ended.code == 0
        assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize(
    "text", ["", "a [b] :cat: 'c' 1.5 s", "a\tb\n\tc", "a\rb\a\b\v\f", "ä 東京 " * 40, " a \n\nb "]
)
def test_a_line_is_the_same_with_rich_and_without(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for variable in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    for end in ("\n", ""):
        out = Out(stderr=False, no_color=False)
        out.line(text, style="bold red", end=end)
        plain = capsys.readouterr().out
        out.console.print(text, style="bold red", end=end, markup=False, emoji=False, soft_wrap=True)
        assert plain == capsys.readouterr().out


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_colours_are_forced(commands: CommandLine, variable: str) -> None:
    commands.manifest("team-a", header="nome")
    assert "\x1b[" in commands.process("validate", "teams.csv", **{variable: "1", "TERM": "xterm"}).err
    assert "\x1b[" not in commands.process("validate", "teams.csv", TERM="xterm").err


def test_yes_is_yes(commands: CommandLine, sandbox: Sandbox, on_terminal: type) -> None:
    terminal = on_terminal("apply", commands.manifest("team-a"))
    terminal.until("Only 'yes' is taken: ")
    assert not sandbox.ledger().profiles
    os.write(terminal.master, b"yes\n")
    assert terminal.end() == 0
    assert [profile.name for profile in sandbox.ledger().live] == ["team-a"]


def test_anything_else_is_no(commands: CommandLine, sandbox: Sandbox, on_terminal: type) -> None:
    terminal = on_terminal("apply", commands.manifest("team-a"))
    terminal.until("Only 'yes' is taken: ")
    os.write(terminal.master, b"y\n")
    assert terminal.end() == 1
    assert "not approved; nothing was changed" in terminal.seen
    assert not sandbox.ledger().profiles
    (run,) = commands("runs", "--json").json()["runs"]
    assert run["status"] == "declined"


def test_interrupted_at_the_question(commands: CommandLine, sandbox: Sandbox, on_terminal: type) -> None:
    terminal = on_terminal("apply", commands.manifest("team-a"))
    terminal.until("Only 'yes' is taken: ")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    asked, _, after = terminal.seen.replace("\r", "").partition("Only 'yes' is taken: ")
    assert "Plan: " in asked
    # Nothing is under way that would have to end.
    assert "calls in flight" not in after
    assert re.fullmatch(
        r"\nerror: interrupted before anything was changed\nto go on: bulkprof resume \S+\n", ESCAPE.sub("", after)
    )
    assert not sandbox.ledger().profiles


def test_the_busiest_targets_are_shown_while_a_run_is_at_work(
    commands: CommandLine, sandbox: Sandbox, on_terminal: type
) -> None:
    sandbox.set_rate(Rate(8, 2), operation="CreateInferenceProfile")
    sandbox.set_faults([Fault("delay_before", operation="ListInferenceProfiles", delay_s=1, times=2)])
    names = [f"team-{number},us-east-1|eu-west-1" for number in range(8)]
    terminal = on_terminal("apply", commands.manifest(*names, header="name,region"), "--yes")
    assert terminal.end() == 0
    shown = ESCAPE.sub("", terminal.seen)
    assert re.search(r"observing targets .* [01]/2", shown)
    assert re.search(r"123456789012/(us-east|eu-west)-1 +[0-9] s +0", shown)
    assert re.search(r"profiles .* [0-9]+/16", shown)
    assert re.search(r"123456789012/eu-west-1 +[0-8]/8 +[0-9.]+/s +[0-9]+ +[0-9] s", shown)
    # It is gone at the end, and the cursor is there.
    assert shown.rindex("throttled  left") < shown.rindex("outcome")
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")


def test_a_dumb_terminal_gets_lines(commands: CommandLine, on_terminal: type) -> None:
    terminal = on_terminal("apply", commands.manifest("team-a"), "--yes", TERM="dumb")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.seen
    assert "━ 0/1" not in terminal.seen
    assert "123456789012/us-east-1: 1 created in " in terminal.seen


def test_stopped_at_once_leaves_the_terminal_in_order(
    commands: CommandLine, sandbox: Sandbox, on_terminal: type
) -> None:
    sandbox.set_faults([Fault("delay_before", operation="CreateInferenceProfile", delay_s=60)])
    terminal = on_terminal("apply", commands.manifest("team-a"), "--yes")
    terminal.until("123456789012/us-east-1")
    terminal.until("profiles ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("once more to stop at once")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")
    # What was drawn is taken off before anything else is said.
    assert "profiles" not in terminal.seen.partition("stopped at once")[2]


def test_a_reader_that_stops_early(commands: CommandLine, sandbox: Sandbox) -> None:
    names = [f"team-{number}" for number in range(12)]
    with commands.started("apply", commands.manifest(*names), "--yes") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert len(sandbox.ledger().live) == 12


def test_a_terminal_that_takes_only_ascii(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.manifest("team-a", file="Łódź.csv")
    ended = commands.cold_process("apply", "Łódź.csv", "--yes", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert ended.code == 0, ended.err
    assert "+ team-a" in ended.out
    report = commands.cold_process("report", "2", "--json", PYTHONIOENCODING="latin-1", PYTHONUTF8="1").json()
    assert report["results"][0]["file"] == "Łódź.csv"


def test_plain_lines_come_now_and_then() -> None:
    now, lines = [0.0], []
    outcome = Outcome(1, Target("1", "r"), "team-a", OutcomeKind.FAILED)
    with ProgressView(None, "profiles", 3, say=lines.append, clock=lambda: now[0]) as view:
        view.step()
        assert lines == []
        now[0] = LINE_EVERY_S
        view.outcome(outcome)
        view.step()
    assert lines == ["profiles: 2 of 3, 1 failed"]
