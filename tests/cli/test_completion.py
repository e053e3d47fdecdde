"""Completion in shells: of commands and flags, importing the module of the asked command alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bulkprof.cli.app import COMPLETE, command_in
from tests.cli.driver import CommandLine
from tests.cli.test_flags import ORDER

BASH = shutil.which("bash")
IN_BASH = """\
eval "$(_BULKPROF_COMPLETE=source_bash bulkprof)"
COMP_WORDS=(bulkprof plan --accounts 111122223333, --re)
COMP_CWORD=4
_bulkprof_completion bulkprof
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch, line: str, *, shell: str = "bash", **more: str
) -> list[str]:
    """What a shell is answered that wants `line` completed."""
    monkeypatch.setenv(COMPLETE, f"complete_{shell}")
    words = line.split(" ")
    variables = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    for name, value in (variables if shell == "bash" else {"_TYPER_COMPLETE_ARGS": line, **more}).items():
        monkeypatch.setenv(name, value)
    ended = commands()
    assert (ended.code, ended.err) == (0, "")
    return list(filter(None, ended.out.splitlines()))


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("bulkprof ", ORDER),
        ("bulkprof pl", ["plan", "plugins"]),
        ("bulkprof plan", ["plan"]),
        ("bulkprof plan --re", ["--replace", "--regions", "--results-columns"]),
        ("bulkprof plan teams.csv --accounts a, --log-format ", ["text", "json"]),
        ("bulkprof plugins ", ["check"]),
        ("bulkprof schema s", ["summary"]),
        ("bulkprof aply t", []),
    ],
)
def test_commands_flags_and_choices(
    commands: CommandLine, monkeypatch: pytest.MonkeyPatch, line: str, answers: list[str]
) -> None:
    assert complete(commands, monkeypatch, line) == answers


def test_other_shells_show_what_is_meant(commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    fish = complete(commands, monkeypatch, "bulkprof va", shell="fish", _TYPER_COMPLETE_FISH_ACTION="get-args")
    assert fish == ["validate\tShow every problem of every row."]
    (zsh,) = complete(commands, monkeypatch, "bulkprof va", shell="zsh")
    assert '"validate":"Show every problem of every row."' in zsh


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_bulkprof(shell: str, commands: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMPLETE, f"source_{shell}")
    ended = commands()
    assert (ended.code, f"{COMPLETE}=complete_{shell}" in ended.out) == (0, True)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("bulkprof ", ""),
        ("bulkprof plan", ""),
        ("bulkprof plan ", "plan"),
        ("bulkprof\nplan\n", "plan"),
        ("bulkprof\nplan\n--re", "plan"),
    ],
)
def test_only_a_command_that_is_written_whole_is_imported(
    line: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMPLETE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    assert command_in(()) == command
    monkeypatch.delenv(COMPLETE)
    assert command_in(("apply", "teams.csv")) == "apply"


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_it_works_in_bash(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    answered = subprocess.run([str(BASH), "-c", IN_BASH], env=environment, capture_output=True, text=True, check=True)
    assert answered.stdout.split() == ["--replace", "--regions", "--results-columns"]


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_it_is_installed_for_the_shell_that_it_is_called_from(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    # With a second command, bash starts the first as a process of its own, which can then ask who called it.
    told = subprocess.run(
        [str(BASH), "-c", "bulkprof --install-completion; exit $?"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "bash completion installed in" in told.stdout
    assert ".bash_completions/bulkprof.sh" in (tmp_path / ".bashrc").read_text()
    assert COMPLETE in (tmp_path / ".bash_completions" / "bulkprof.sh").read_text()
