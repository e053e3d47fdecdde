"""Whole commands with `--engine dask`, against a cluster in this process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.config import load
from bulkprof.errors import ExitCode
from bulkprof.model import OutcomeKind
from bulkprof.sandbox import Rate, Sandbox
from bulkprof.stop import Stop
from bulkprof.store.shares.carried import Phase
from bulkprof.totals import RunSummary
from bulkprof.workflows.fleet.dask import cluster, lease, sizes, worker
from bulkprof.workflows.fleet.dask.messages import Answer, Call, own_versions
from bulkprof.workflows.options import Options
from tests.cli.driver import CommandLine
from tests.conftest import FAST
from tests.faults.world import until
from tests.workflows.fleet.dask.clusters import in_process

ACCOUNTS = tuple(f"11112222{number:04}" for number in range(3300, 3306))
ROWS = tuple(f"row-{number},{account}" for account in ACCOUNTS for number in range(3))


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with in_process() as address:
        yield address


@pytest.fixture
def manifest(commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sizes, "LEAST", 10.0)
    monkeypatch.setattr(lease, "LEASE_S", 1.0)
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


def test_the_config_may_say_it_and_the_flag_unsay_it(commands: CommandLine, manifest: str, scheduler: str) -> None:
    commands.config('[engine]\nname = "dask"\nscheduler = "tcp://127.0.0.1:9"\n')
    assert commands.apply(manifest, "--engine", "none") == {"created": len(ROWS)}
    assert commands.apply(manifest, "--scheduler", scheduler) == {"unchanged": len(ROWS)}


def test_its_own_lines_do_not_show(commands: CommandLine, manifest: str, scheduler: str) -> None:
    ended = commands("apply", manifest, "--yes", "--json", "--engine", "dask", "--scheduler", scheduler)
    assert ended.code == 0
    assert "distributed" not in ended.err


def test_what_travels_holds_no_secret_and_no_plugin(
    commands: CommandLine, manifest: str, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[Call, bytes]] = []
    carry_out = cluster.Cluster.carry_out

    async def seen(self: cluster.Cluster, call: Call, data: bytes) -> Answer:
        sent.append((call, data))
        return await carry_out(self, call, data)

    monkeypatch.setattr(cluster.Cluster, "carry_out", seen)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecret")
    monkeypatch.setenv("HOOK", "https://hooks.example.com/services/alsosecret")
    commands.config('[plugins.slack]\nwebhook_env = "HOOK"\nwhen = "failure"\n[plugins.tags]\nfixed = { A = "b" }\n')
    assert commands.apply(manifest, "--engine", "dask", "--scheduler", scheduler) == {"created": len(ROWS)}
    assert len(sent) > 2
    for call, data in sent:
        assert call["environment"] is None
        for secret in (b"verysecret", b"alsosecret", b"slack", b"webhook_env", b"AKIA"):
            assert secret not in data


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        pytest.param(
            ("--engine", "dask", "--scheduler", "http://127.0.0.1:8787"),
            64,
            "error: --scheduler: must be a scheduler's address, such as tcp://host:8786 or tls://host:8786, not "
            "'http://127.0.0.1:8787'",
            id="the dashboard's address",
        ),
        pytest.param(
            ("--engine", "dask", "--scheduler", "tcp://127.0.0.1"),
            64,
            "error: --scheduler: must name a host and a port, such as tcp://host:8786, not 'tcp://127.0.0.1'",
            id="no port",
        ),
        pytest.param(
            ("--scheduler", "tcp://127.0.0.1:8786"),
            64,
            "error: --scheduler tcp://127.0.0.1:8786: only with an engine; add --engine dask, or leave it out",
            id="no engine",
        ),
        pytest.param(
            ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"),
            1,
            "error: there is no dask scheduler to work with at tcp://127.0.0.1:9: ",
            id="no scheduler",
        ),
    ],
)
def test_a_scheduler_that_can_not_be_used_is_told_in_a_line(
    commands: CommandLine, manifest: str, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    ended = commands("apply", manifest, "--yes", *flags)
    assert ended.code == code
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error")]
    assert line.startswith(said)
    assert line.endswith("; start one: dask scheduler") is (code == 1)


def test_a_wrong_address_in_the_config_is_told_with_its_key(commands: CommandLine, manifest: str) -> None:
    commands.config('[engine]\nname = "dask"\nscheduler = "10.0.0.7"\n')
    ended = commands("apply", manifest, "--yes")
    assert ended.code == 1
    assert "engine.scheduler" in ended.err
    assert "must be a scheduler's address, such as tcp://host:8786" in ended.err


def test_an_engine_that_there_is_not_is_named(commands: CommandLine, manifest: str) -> None:
    assert (
        "'BULKPROF_ENGINE'): 'ray' is not one of 'dask', 'none'" in commands("apply", manifest, "--engine", "ray").err
    )


def test_dask_that_is_missing_is_told_with_what_to_install(
    commands: CommandLine, manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ended = commands("apply", manifest, "--yes", "--engine", "dask")
    assert ended.code == 1
    assert "error: --engine dask needs dask.distributed: pip install 'bulkprof[dask]'" in ended.err


def test_a_worker_of_another_version_is_refused_before_anything_is_sent(
    commands: CommandLine, sandbox: Sandbox, manifest: str, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = own_versions()
    monkeypatch.setattr(cluster, "own_versions", lambda: {**mine, "bulkprof": "0.0.1"})
    ended = commands("apply", manifest, "--yes", "--engine", "dask", "--scheduler", scheduler)
    assert ended.code == 1
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error")]
    assert line.startswith("error: worker tcp://127.0.0.1:")
    assert line.endswith(f" has bulkprof {mine['bulkprof']}, and this process has 0.0.1; both need the same")
    assert not sandbox.ledger().profiles


def test_a_worker_refuses_shares_of_another_version(
    commands: CommandLine, manifest: str, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that came after the others were asked."""
    mine = own_versions()
    monkeypatch.setattr(worker, "own_versions", lambda: {**mine, "Python": "3.99"})
    ended = commands("apply", manifest, "--yes", "--engine", "dask", "--scheduler", scheduler)
    assert ended.code == 1
    assert f" has Python 3.99, and this process has {mine['Python']}; both need the same" in ended.err


def test_failures_on_workers_stop_the_run_where_they_are_not_tolerated(
    commands: CommandLine, sandbox: Sandbox, manifest: str, scheduler: str
) -> None:
    sandbox.set_rate(Rate(4, 1))
    sandbox.set_denied(actions=["bedrock:CreateInferenceProfile"])
    summary = commands.summary(
        "apply", manifest, "--failure-tolerance", "2", "--engine", "dask", "--scheduler", scheduler, code=4
    )
    assert summary["outcomes"]["failed"] > 2
    assert summary["outcomes"]["skipped"] > 0


@pytest.mark.parametrize("code", [ExitCode.LOCKED, ExitCode.INTERRUPTED, ExitCode.ROWS_FAILED])
def test_a_stop_reaches_workers_and_resume_needs_none(
    commands: CommandLine, sandbox: Sandbox, manifest: str, scheduler: str, code: ExitCode
) -> None:
    """A lost lock, Ctrl-C and the deadline: all of them are one stop."""
    sandbox.set_rate(Rate(0.2, 1), operation="CreateInferenceProfile")

    async def run() -> RunSummary:
        stop = Stop()
        options = Options(config=load(Path("bulkprof.toml")), engine="dask", scheduler=scheduler)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bulkprof.apply(manifest, options, None, stop))
            await until(lambda: sandbox.ledger().profiles)
            stop.request(code, "" if code > 128 else "as the test wishes")
        return running.result()

    summary = asyncio.run(run())
    assert summary.exit_code == code
    made = len(sandbox.ledger().profiles)
    assert 0 < summary.outcomes[OutcomeKind.CREATED] == made < len(ROWS)
    assert summary.outcomes[OutcomeKind.SKIPPED] == len(ROWS) - made
    sandbox.set_rate(FAST, operation="CreateInferenceProfile")
    after = commands.summary("resume")
    assert after["outcomes"]["created"] == len(ROWS) == len(sandbox.ledger().profiles)


def test_a_cluster_without_workers_is_waited_for(commands: CommandLine, manifest: str) -> None:
    with in_process(workers=0) as address:
        ended = commands("apply", manifest, "--yes", "--deadline", "1s", "--engine", "dask", "--scheduler", address)
    assert ended.code == 3
    assert ended.err.count(f"no worker is at {address}; waiting for one: dask worker {address}") == 1


def test_an_error_on_a_worker_is_tried_again_and_then_told(
    commands: CommandLine, sandbox: Sandbox, manifest: str, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Any] = []

    async def broken(self: Any, *_: Any, **__: Any) -> None:
        tries.append(self)
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(worker._Side, "_carry_out", broken)
    ended = commands("apply", manifest, "--yes", "--engine", "dask", "--scheduler", scheduler)
    assert ended.code == 1
    assert "was tried 3 times in vain: worker tcp://127.0.0.1:" in ended.err
    assert "an unexpected error: ZeroDivisionError: by chance" in ended.err
    assert len(tries) >= 3


def test_a_scheduler_that_dies_is_told_in_a_line(
    commands: CommandLine, sandbox: Sandbox, manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = worker._Side._carry_out

    async def last(self: Any, *arguments: Any, **how: Any) -> None:
        if self._call["phase"] == Phase.APPLY:
            await self._there(self._worker.scheduler.terminate())
        await carry_out(self, *arguments, **how)

    monkeypatch.setattr(worker._Side, "_carry_out", last)
    with in_process() as address:
        ended = commands("apply", manifest, "--yes", "--engine", "dask", "--scheduler", address)
    assert ended.code == 1
    assert f"stopping: the connection to the dask scheduler at {address} is lost" in ended.err
    assert "unexpected" not in ended.err
    assert commands.summary("resume")["exit_code"] == 0
    made = [(profile.account, profile.name) for profile in sandbox.ledger().profiles]
    assert len(made) == len(set(made)) == len(ROWS)
