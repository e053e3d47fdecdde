"""A Ui in front of another one passes everything on."""

from __future__ import annotations

import inspect
from unittest.mock import AsyncMock, Mock, create_autospec

import pytest

from bulkprof.model import Problem
from bulkprof.ui import OnlyNew, Ui

METHODS = [name for name, _ in inspect.getmembers(Ui, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
async def test_only_new_passes_every_method_on(name: str) -> None:
    behind = create_autospec(Ui, instance=True)
    method: Mock | AsyncMock = getattr(behind, name)
    method.return_value = "returned"
    given = [Mock() for each in inspect.signature(getattr(Ui, name)).parameters if each != "self"]
    returned = getattr(OnlyNew(behind, ()), name)(*given)
    if inspect.isawaitable(returned):
        returned = await returned
    method.assert_called_once_with(*given)
    # Nothing else of it was called: `warn_of`, say, doesn't come as a `warn`.
    assert len(behind.method_calls) == 1
    assert returned == (None if inspect.signature(getattr(Ui, name)).return_annotation == "None" else "returned")


@pytest.mark.parametrize("places", [[(2, 0), (3, 0)], [(1, 1), (1, 2)]])
def test_only_new_keeps_problems_back_that_were_shown(places: list[tuple[int, int]]) -> None:
    behind = create_autospec(Ui, instance=True)
    shown, new = (Problem(file="teams.json", line=line, message="is empty", row=row) for line, row in places)
    ui = OnlyNew(behind, {shown.place})
    ui.problem(shown)
    ui.problem(new)
    behind.problem.assert_called_once_with(new)
