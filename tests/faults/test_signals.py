"""The first signal drains, the second ends at once; neither leaves anything on stderr that is not meant for people."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from bulkprof.engine.in_flight import START_ROOM
from bulkprof.sandbox import Fault, Hypotheses, Ledger, Rate
from tests.cli import warm
from tests.faults.killing import PATIENCE_S, SLOWLY, Victim
from tests.faults.scenarios import chosen
from tests.faults.world import side_by_side

CREATE = "CreateInferenceProfile"
UNSEEMLY = re.compile(
    "Traceback|never retrieved|never awaited|[Uu]nclosed|ResourceWarning|was destroyed|Exception ignored|Event loop"
)
DRAINED_S = 4.0
"""Much less than what the faults below would have calls wait for."""


def created(count: int) -> Callable[[Ledger], bool]:
    return lambda ledger: len(ledger.live) >= count


@dataclass(frozen=True)
class Moment:
    """When the signal comes, and what goes on then."""

    due: Callable[[Ledger], bool]
    faults: tuple[Fault, ...] = ()
    rate: Rate = SLOWLY
    """Of creations: accounts are entered and read as quickly as ever."""
    code: int = 143
    signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    recorded: bool = True
    """Whether all that exists is in the run file when the process has ended."""


MOMENTS = {
    # Once the first ones are answered, all that are left go at once, and nothing would be left to resume.
    "calls in flight": Moment(created(START_ROOM), (Fault("delay_after", CREATE, delay_s=0.9),), rate=Rate(1000, 1000)),
    "waiting for the pacer": Moment(created(3), rate=Rate(0.2, 1)),
    "waiting for lists to settle": Moment(
        created(3), (Fault("cut_after", CREATE),), recorded=False, code=130, signals=(signal.SIGINT,)
    ),
    "waiting to send again": Moment(
        lambda ledger: ledger.count(CREATE) >= 36,
        (Fault("conflict", CREATE),),
    ),
    "observing": Moment(
        lambda ledger: ledger.count("ListFoundationModels") > 0,
        (Fault("delay_after", "ListInferenceProfiles", delay_s=1),),
        code=130,
        signals=(signal.SIGINT,),
    ),
    "twice": Moment(
        # As many as a target gets before it has answered any.
        created(START_ROOM),
        (Fault("delay_after", CREATE, delay_s=20),),
        signals=(signal.SIGINT, signal.SIGTERM),
        recorded=False,
    ),
}


@dataclass(frozen=True)
class Ended:
    """How the process ended, and what the one after it made of the rest."""

    code: int
    out: str
    err: str
    took_s: float
    live: int
    resumed: dict[str, Any]


def interrupt(folder: Any, number: int, moment: Moment) -> Ended:
    with Victim(folder / str(number), Hypotheses(), seed=number, rows=12) as victim:
        victim.sandbox.set_rate(moment.rate, operation=CREATE)
        victim.sandbox.set_faults(moment.faults)
        with victim.start("apply", str(victim.folder / "rows.jsonl"), strict=True) as process:
            wait_for(lambda: moment.due(victim.sandbox.ledger()), process)
            began = time.monotonic()
            told = send(process, moment.signals)
            out, err = process.communicate(timeout=PATIENCE_S)
            took_s = time.monotonic() - began
        live = len(victim.sandbox.ledger().live)
        victim.sandbox.set_faults([])
        victim.sandbox.set_rate(Rate(1000, 1000), operation=CREATE)
        (victim.folder / ".bulkprof" / "rates.json").unlink(missing_ok=True)
        summary = victim.resume_here()
        victim.check(summary)
        return Ended(process.wait(), out, told + err, took_s, live, summary)


def wait_for(condition: Callable[[], bool], process: warm.Process) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.005)


def send(process: warm.Process, signals: tuple[signal.Signals, ...]) -> str:
    """Send one signal after the other, each when the one before has been heard; returns what was read meanwhile."""
    told = ""
    for number, each in enumerate(signals):
        assert process.stderr is not None
        while number and "stopping" not in told:
            told += process.stderr.readline()
        process.send_signal(each)
    return told


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How each process ended, of the moments that are tested."""
    names = chosen(request, "name")
    folder = tmp_path_factory.mktemp("interrupted")
    # They wait most of their time.
    with side_by_side(), ThreadPoolExecutor(len(names)) as pool:
        futures = {name: pool.submit(interrupt, folder, n, MOMENTS[name]) for n, name in enumerate(names)}
        return {name: future.result() for name, future in futures.items()}


@pytest.mark.parametrize("name", MOMENTS)
def test_it_ends_in_order(ended: dict[str, Ended], name: str) -> None:
    moment, was = MOMENTS[name], ended[name]
    assert was.code == moment.code, was.err
    assert was.took_s < DRAINED_S
    assert "stopping: calls in flight end first" in was.err
    assert "bulkprof resume" in was.err
    assert not UNSEEMLY.search(was.err), was.err
    if moment.signals[1:]:
        assert "stopped at once" in was.err


@pytest.mark.parametrize("name", [name for name, moment in MOMENTS.items() if moment.recorded])
def test_what_was_done_is_on_record(ended: dict[str, Ended], name: str) -> None:
    summary = json.loads(ended[name].out)
    assert summary["exit_code"] == MOMENTS[name].code
    assert summary.get("outcomes", {"created": 0})["created"] == ended[name].live
