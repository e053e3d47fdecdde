"""What users, plugins and files of older versions rely on, gathered from the code as plain values.

`unchanged.json` beside this file holds what it was when the package got its present folders, and `test_unchanged.py`
compares.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import typer

import bulkprof
import bulkprof.plugins
from bulkprof import errors
from bulkprof.cli.app import app, register
from bulkprof.config import Settings
from bulkprof.locks.lease import Lease
from bulkprof.locks.local import Holder
from bulkprof.model import Action, ActionKind, OutcomeKind, Target
from bulkprof.pacing.learned import LearnedRate
from bulkprof.pacing.rates import RateStore
from bulkprof.plugins import hookspecs
from bulkprof.plugins.results import RESULT_COLUMNS
from bulkprof.profiles.tokens import token_for
from bulkprof.schemas import SchemaName
from bulkprof.totals import CallCount, LostProfile, RunSummary

TARGET = Target("111122223333", "eu-central-1")
HOLDER = Holder(4711, "host.example.com", "2026-01-02T03:04:05Z", "run-1", "sync", "platform")


def surface(folder: Path) -> dict[str, Any]:
    """All of it. `folder` is an empty one for the files that are written on the way."""
    return {
        "names of bulkprof": sorted(bulkprof.__all__),
        "names of bulkprof.plugins": sorted(bulkprof.plugins.__all__),
        "errors": _errors(),
        "exit codes": {code.name: int(code) for code in errors.ExitCode},
        "outcomes": [str(kind) for kind in OutcomeKind],
        "action kinds": [str(kind) for kind in ActionKind],
        "hooks": _hooks(),
        "plugins": sorted(f"{each.name} = {each.value}" for each in entry_points(group="bulkprof")),
        "results columns": list(RESULT_COLUMNS),
        "summary": _summary(),
        "commands": _commands(),
        "flags of bulkprof itself": _root_flags(),
        "schemas": list(SchemaName),
        "config": _keys(Settings.model_json_schema()),
        "tokens": _tokens(),
        "rates.json": _rates(folder),
        "lock of S3": json.loads(Lease(HOLDER, "token-1", 60.0, 3).to_body(0.0)),
    }


def _errors() -> dict[str, Any]:
    found = {name: each for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, Exception)}
    return {name: [each.__mro__[1].__name__, getattr(each, "exit_code", None)] for name, each in sorted(found.items())}


def _hooks() -> dict[str, list[str]]:
    hooks = {name: each for name, each in vars(hookspecs).items() if name.startswith("bulkprof_")}
    return {name: list(inspect.signature(hook).parameters) for name, hook in sorted(hooks.items())}


def _summary() -> dict[str, Any]:
    lost = LostProfile(TARGET, "search", "arn:aws:bedrock:old", "run-0")
    summary = RunSummary("run-1", "sync", 3, {OutcomeKind.CREATED: 3}, 1, 1.5, {"CreateInferenceProfile": CallCount(3)})
    whole: Mapping[str, Any] = RunSummary(
        summary.run_id, "sync", 3, summary.outcomes, 1, 1.5, summary.calls, 3, stopped="the deadline", lost=(lost,)
    ).as_json()
    return {"in order": list(summary.as_json().items()), "stopped": list(whole.items())}


def _commands() -> dict[str, Any]:
    register()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {name: _command(command) for name, command in sorted(commands.items())}


def _root_flags() -> list[str]:
    return sorted(" ".join(each.opts) for each in typer.main.get_command(app).params)


def _command(command: Any) -> Any:
    if hasattr(command, "commands"):
        return {
            "": _parameters(command),
            **{name: _command(each) for name, each in sorted(command.commands.items())},
        }
    return _parameters(command)


def _parameters(command: Any) -> dict[str, Any]:
    return {
        " ".join(each.opts): {
            "variable": each.envvar,
            "shown as": each.metavar,
            "several": each.multiple or each.nargs != 1,
            "default": str(each.default),
        }
        for each in sorted(command.params, key=lambda each: each.opts)
    }


def _keys(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the config, each with its default, table by table."""
    tables = {"": schema, **schema.get("$defs", {})}
    return {
        name: {key: each.get("default", "-") for key, each in sorted(table.get("properties", {}).items())}
        for name, table in sorted(tables.items())
    }


def _tokens() -> list[str]:
    action = Action(
        id=1,
        target=TARGET,
        kind=ActionKind.CREATE,
        name="search-sonnet",
        source_arn="arn:aws:bedrock:eu-central-1::foundation-model/vendor.model-v1:0",
        description="Search",
        tags={"team": "search", "bulkprof:estate": "platform"},
    )
    return [token_for("seed-1", action), token_for("seed-1", action, dead="arn:aws:bedrock:old")]


def _rates(folder: Path) -> Any:
    rates = RateStore(folder, clock=lambda: 1_700_000_000.0)
    rates.save({(TARGET.account, TARGET.region, "CreateInferenceProfile"): LearnedRate(4.5, 10.0, 1_700_000_000.0)})
    return json.loads((folder / "rates.json").read_text())
