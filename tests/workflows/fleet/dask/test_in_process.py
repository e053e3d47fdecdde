"""Whole commands with `--engine dask`, against a cluster in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CommandLine
from tests.workflows.fleet.dask.clusters import in_process

ACCOUNTS = tuple(f"11112222{number:04}" for number in range(3300, 3306))
ROWS = tuple(f"row-{number},{account}" for account in ACCOUNTS for number in range(3))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with in_process() as address:
        yield address


@pytest.fixture
def manifest(commands: CommandLine, sandbox: Sandbox) -> str:
    return commands.manifest(*ROWS, header="name,account")


def test_a_run_does_the_same_as_without_it(
    commands: CommandLine, sandbox: Sandbox, manifest: str, scheduler: str
) -> None:
    engine = ("--engine", "dask", "--scheduler", scheduler)
    planned = commands("plan", manifest, *engine, "--json")
    assert planned.code == 0, planned.err
    assert planned.json()["actions"]["create"] == len(ROWS)
    assert not sandbox.ledger().profiles
    assert commands.apply(manifest, *engine) == {"created": len(ROWS)}
    made = [(profile.account, profile.name) for profile in sandbox.ledger().profiles]
    assert sorted(made) == sorted((row.split(",")[1], row.split(",")[0]) for row in ROWS)
    commands.manifest(*ROWS[:-1], header="name,account")
    summary = commands.summary("sync", manifest, "--prune", *engine)
    assert summary["outcomes"] == summary["outcomes"] | {"unchanged": len(ROWS) - 1, "deleted": 1}
