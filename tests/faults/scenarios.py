"""Tests that wait more than they work: those of a module that pytest is to run, run side by side when the first is due.

Each is a test of its own, with an id of its own: what `-k` or a node id leaves out doesn't run.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.world import SEED, side_by_side

Scenario = Callable[..., Awaitable[None]]


def scenario(function: Scenario) -> Callable[..., None]:
    """Make a coroutine function a test that runs beside the others of its module.

    It is given `folder`, an empty one of its own, and its parameters, but no fixtures.
    """
    return _test_of(function, "beside_others")


def timed_scenario(function: Scenario) -> Callable[..., None]:
    """The same for one that needs a machine which isn't too busy: these run when all others have ended."""
    return _test_of(function, "after_others")


def _test_of(function: Scenario, fixture: str) -> Callable[..., None]:
    @functools.wraps(function)
    def test(request: pytest.FixtureRequest, **given: Any) -> None:
        error: BaseException | None = given[fixture][request.node.nodeid]
        if error is not None:
            raise error

    own = [parameter for parameter in inspect.signature(function).parameters.values() if parameter.name != "folder"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    asked = [inspect.Parameter(name, kind) for name in ("request", fixture)]
    vars(test).update(__signature__=inspect.Signature([*asked, *own]), scenario=function, fixture=fixture)
    return test


def run_scenarios(request: pytest.FixtureRequest, folder: Path, *, at_once: int) -> dict[str, BaseException | None]:
    """Run those scenarios of the module that use the requested fixture; returns what each raised, by node id."""
    raised: dict[str, BaseException | None] = {}

    async def run(number: int, item: pytest.Function, turns: asyncio.Semaphore) -> None:
        async with turns:
            raised[item.nodeid] = None
            try:
                await vars(item.function)["scenario"](folder / str(number), **_parameters(item))
            except (Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - the scenario's own test raises it
                error.add_note(f"seed {SEED}")
                raised[item.nodeid] = error

    async def main() -> None:
        turns = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as group:
            for number, item in enumerate(_items(request)):
                if vars(item.function).get("fixture") == request.fixturename:
                    group.create_task(run(number, item, turns))

    with side_by_side():
        asyncio.run(main())
    return raised


def chosen(request: pytest.FixtureRequest, parameter: str) -> list[Any]:
    """The values of a parameter in those tests of the requesting module that are to run, each once."""
    values: dict[Hashable, None] = {}
    for given in chosen_parameters(request):
        if parameter in given:
            values[given[parameter]] = None
    return list(values)


def chosen_parameters(request: pytest.FixtureRequest) -> Sequence[Mapping[str, Any]]:
    """The parameters of each test of the requesting module that is to run and that uses the requested fixture."""
    return [_parameters(item) for item in _items(request) if request.fixturename in item.fixturenames]


def _items(request: pytest.FixtureRequest) -> Iterator[pytest.Function]:
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module:
            yield item


def _parameters(item: pytest.Function) -> Mapping[str, Any]:
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params
