"""Where the scenarios of a module run."""

from __future__ import annotations

import pytest

from tests.faults.scenarios import run_scenarios


@pytest.fixture(scope="module")
def beside_others(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, BaseException | None]:
    """What each `scenario` of the module raised, by its test's node id."""
    return run_scenarios(request, tmp_path_factory.mktemp("scenarios"), at_once=16)


@pytest.fixture(scope="module")
def after_others(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, BaseException | None]:
    """The same of each `timed_scenario`."""
    return run_scenarios(request, tmp_path_factory.mktemp("timed"), at_once=10)
