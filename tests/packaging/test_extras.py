"""Installing an extra warns of nothing: pip does where a package is asked for an extra that it hasn't got."""

from __future__ import annotations

import re
from importlib.metadata import metadata, requires

import pytest

from tests.packaging.test_workflows import PROJECT

ASKED = [
    line
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for line in lines
    if "[" in line
]


@pytest.mark.parametrize("line", ASKED)
def test_packages_have_the_extras_that_they_are_asked_for(line: str) -> None:
    name, asked = line.partition("]")[0].split("[")
    assert set(asked.split(",")) <= set(metadata(name).get_all("Provides-Extra") or ())


def test_what_is_installed_asks_for_no_others() -> None:
    """The metadata that pip reads are those of pyproject.toml."""
    installed = " ".join(requires("bulkprof") or ())
    assert ASKED
    assert set(re.findall(r"([\w-]+)\[([\w,-]+)\]", installed)) == {
        (name, ",".join(sorted(extras.split(","))))
        for name, extras in re.findall(r"([\w-]+)\[([\w,-]+)\]", " ".join(ASKED))
    }
