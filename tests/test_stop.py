"""The wish to stop a run: it ends every pause, and the first one counts."""

from __future__ import annotations

import anyio
import pytest

from bulkprof.errors import ExitCode
from bulkprof.stop import LateStop, Stop, StopRequestedError


async def test_a_pause_ends_with_the_stop() -> None:
    stop = Stop()
    await stop.pause(0)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_pause, stop)
            await anyio.wait_all_tasks_blocked()
            stop.request()
    with pytest.raises(StopRequestedError):
        await stop.pause(0)


async def _pause(stop: Stop) -> None:
    with pytest.raises(StopRequestedError):
        await stop.pause(3600)


async def test_the_first_signal_counts() -> None:
    stop = Stop()
    stop.request(ExitCode.TERMINATED)
    stop.request(ExitCode.INTERRUPTED)
    assert (stop.requested, stop.exit_code) == (True, ExitCode.TERMINATED)
    await stop.wait()


async def test_a_late_stop_follows_another() -> None:
    now = 100.0
    stop = Stop()
    late = LateStop(stop, 10.0, lambda: now)
    now += 1000
    assert not late.requested
    stop.request()
    assert not late.requested
    await late.pause(0.0)
    now += 9.9
    assert not late.requested
    now += 0.1
    assert late.requested
    with pytest.raises(StopRequestedError):
        await late.pause(0.0)


async def test_a_lost_lock_allows_nothing_late() -> None:
    stop = Stop()
    late = LateStop(stop, 10.0, lambda: 100.0)
    assert not late.requested
    stop.request(ExitCode.LOCKED)
    assert late.requested


async def test_a_pause_ends_with_a_late_stop() -> None:
    stop = Stop()
    late = LateStop(stop, 0.0)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(_expect_pause_to_end, late)
            await anyio.wait_all_tasks_blocked()
            stop.request()


async def _expect_pause_to_end(late: LateStop) -> None:
    with pytest.raises(StopRequestedError):
        await late.pause(3600.0)
