"""The fleet sample's files, and what its functions see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine
from tests.samples.lambdas import BUCKET, PROFILES, Bucket
from tests.samples.templates import resources, substituted

FLEET = Path(__file__).parents[2] / "samples" / "fleet"
TEMPLATE = FLEET / "step-functions.yaml"


def fleet_bucket(sandbox: Sandbox, commands: CommandLine) -> Bucket:
    """The bucket that the template's functions know, with their environment."""
    functions = (each["Properties"] for each in resources(TEMPLATE, "AWS::Lambda::Function").values())
    for function in functions:
        for name, value in function["Environment"]["Variables"].items():
            commands.monkeypatch.setenv(name, substituted(value, TEMPLATE, {"Bucket": BUCKET}))
    commands.monkeypatch.setenv("BULKPROF_STATE_DIR", str(commands.folder / "tmp-state"))
    return Bucket(sandbox)


def outcomes(summary: dict[str, Any]) -> dict[str, int]:
    return {kind: count for kind, count in summary["outcomes"].items() if count}


def each_once(sandbox: Sandbox, count: int = PROFILES) -> None:
    """Each profile was made once, and none is there twice."""
    assert (len(sandbox.ledger().profiles), sandbox.ledger().duplicates()) == (count, [])
