"""The page on telemetry names what is sent, where it is sent, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from bulkprof.sandbox import Fault, Sandbox
from bulkprof.telemetry import names
from tests.cli.driver import CommandLine
from tests.telemetry.receiver import Received

PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def table(header: str) -> dict[str, list[str]]:
    """The cells of a table by its first one."""
    (rows,) = re.findall(rf"^\| {re.escape(header)} .*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows.splitlines()]
    return {name.strip("` "): rest for name, *rest in cells}


ATTRIBUTES = {name: set(on.split(", ")) for name, (on, _) in table("attribute").items()}
METRICS = table("metric")


def test_all_names_are_there() -> None:
    constants = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    attributes = {f"{name}KIND" if name.endswith(".") else name for name in constants - set(names.METRICS)}
    assert set(ATTRIBUTES) == attributes
    assert {name: unit for name, (_, unit, *_) in METRICS.items()} == {
        name: f"`{unit}`" for name, (unit, _) in names.METRICS.items()
    }


def test_what_is_sent_is_what_is_said(commands: CommandLine, sandbox: Sandbox, received: Received) -> None:
    faults = [
        Fault("access_denied", operation="AssumeRole"),
        Fault("throttle", operation="CreateInferenceProfile", times=1),
        Fault("access_denied", operation="CreateInferenceProfile", name="team-b"),
    ]
    sandbox.set_faults(faults)
    commands.manifest("team-a,123456789012|111122223333", "team-b,123456789012", header="name,account")
    commands.summary("apply", "teams.csv", code=3)
    assert commands("sync", commands.manifest("team.a", file="bad.csv"), "--yes").code == 65
    sent: dict[str, set[str]] = {}
    for span in received.spans:
        kind = "call" if span.kind == 3 else "target" if span.name.endswith(" target") else "run"
        for name in span.attributes:
            sent.setdefault(re.sub(r"(?<=\.outcomes\.).*", "KIND", name), set()).add(kind)
    assert received.kinds == {metric: kind for metric, (kind, *_) in METRICS.items()}
    above = ""
    for metric, (_, _, listed, _) in METRICS.items():
        above = above if listed == "the same" else listed
        attributes = set(received.metrics[metric][0].attributes)
        assert set(re.findall(r"`([^`]+)`", above)) == attributes
        for name in attributes:
            sent.setdefault(name, set()).add("metric")
    assert sent == ATTRIBUTES
