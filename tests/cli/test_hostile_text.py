"""Hostile text in what is said before and beside runs: arguments, the config, logs of all kinds."""

from __future__ import annotations

import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from bulkprof.cli.foreign_lines import ForeignLines
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.terminal import Terminal
from bulkprof.errors import UsageError
from bulkprof.lambda_handler import handler
from bulkprof.lambda_handler.log_ui import LogUi
from bulkprof.model import Problem, Target
from bulkprof.plugins import printable
from bulkprof.sandbox import Sandbox
from bulkprof.text.printable import printable_lines
from tests.cli.driver import CommandLine, read_json
from tests.hostile import FILE, HOSTILE, assert_harmless, assert_harmless_end, run_each_way
from tests.samples.lambdas import Context


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((HOSTILE,), 64),
        (("validate", f"--{HOSTILE}"), 64),
        (("validate", HOSTILE), 65),
        (("validate", "teams.csv", "--config", HOSTILE), 1),
        (("apply", "teams.csv", "--yes", "--accounts", HOSTILE), 64),
        (("apply", "teams.csv", "--yes", "--results", HOSTILE), 64),
        (("apply", "teams.csv", "--yes", "--deadline", HOSTILE), 64),
        (("apply", "teams.csv", "--yes", "--max-targets-in-flight", HOSTILE), 64),
        (("resume", HOSTILE), 64),
        (("report", HOSTILE), 64),
        (("runs", "redeliver", HOSTILE), 64),
    ],
)
def test_hostile_arguments(commands: CommandLine, sandbox: Sandbox, arguments: tuple[str, ...], code: int) -> None:
    commands.manifest("team-a")
    # A file's name has no NUL, and is not that long.
    given = [argument.replace("\x00", "")[:200] for argument in arguments]
    run_each_way(commands, *given, code=code)


def test_a_config_of_harm(commands: CommandLine) -> None:
    commands.config(f"[run]\n{json.dumps(HOSTILE)} = 1\n[plugins.{json.dumps(HOSTILE)}]\na = 1\n", base="")
    commands.manifest("team-a")
    for ended in run_each_way(commands, "validate", "teams.csv", code=1):
        assert "is not a known key" in ended.err
    commands.config(f"[plugins.{json.dumps(HOSTILE)}]\na = 1\n")
    run_each_way(commands, "validate", "teams.csv", code=1)
    commands.config(f'[organization]\nrole = "x"\nsession_name = {json.dumps("##[add-mask]x")}\n', base="")
    assert_harmless_end(commands("iam-policy"))


def test_lambda_logs_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ui = LogUi()
    ui.note(HOSTILE)
    ui.warn(HOSTILE)
    ui.warn_of(Target("111122223333", "us-east-1"), HOSTILE)
    ui.problem(Problem(HOSTILE, file=HOSTILE))
    ui.problems_end()
    assert len(caplog.records) == 4
    for record in caplog.records:
        assert_harmless(record.getMessage())
        assert "\n" not in record.getMessage()
    with pytest.raises(UsageError) as caught:
        handler({HOSTILE: 1, f"{HOSTILE}2": 1}, Context())
    assert_harmless(str(caught.value))
    assert str(caught.value).count("\n") == 1


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Terminal], ForeignLines]:
    """What libraries and Python say, as in a process that is the command's own; given back at the end."""
    for owner, hook in (
        (sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook"), (warnings, "showwarning"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, hook, getattr(owner, hook))
    return lambda terminal: ForeignLines(lambda: terminal, debug=False)


@pytest.mark.parametrize("form", list(LogFormat))
def test_what_libraries_log_is_a_line_like_all_others(
    listen: Callable[[Terminal], ForeignLines], capsys: pytest.CaptureFixture[str], form: LogFormat
) -> None:
    lines = listen(Terminal(as_json=False, no_color=True, log_format=form))
    error = ValueError(HOSTILE)
    lines.log(
        logging.LogRecord("foreign", logging.ERROR, "x.py", 1, "it says %s", (HOSTILE,), (ValueError, error, None))
    )
    told = capsys.readouterr().err
    assert_harmless(told)
    line: Any = read_json(told) if form is LogFormat.JSON else told
    said = line["message"] if form is LogFormat.JSON else line
    assert "foreign: it says a " in said
    assert "ValueError: a " in said
    assert told.count("\n") == 1


def test_a_mistake_of_our_own_prints_no_harm(
    listen: Callable[[Terminal], ForeignLines], capsys: pytest.CaptureFixture[str]
) -> None:
    listen(Terminal(as_json=False, no_color=True))
    error = RuntimeError(HOSTILE)
    sys.excepthook(type(error), error, None)
    told = capsys.readouterr().err
    assert "RuntimeError: a " in told
    assert_harmless(told)
    assert told.count("\n") == 1


def test_objects_in_json_logs_are_the_very_values(commands: CommandLine) -> None:
    commands.manifest("team.a", file=FILE)
    line = read_json(commands("validate", FILE, "--log-format", "json").err.partition("\n")[0] + "\n")
    assert line["file"] == FILE
    assert line["message"].startswith(printable(f"{FILE}:2: "))


def test_questions_and_texts_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=False, no_color=True)
    terminal.text([HOSTILE])
    terminal.json({HOSTILE: HOSTILE})
    terminal.note(printable_lines(["::a::", "b"]))
    told = capsys.readouterr()
    assert_harmless(told.out)
    assert told.out.count("\n") == 2
    assert told.err == "\\x3a:a::\nb\n"
