"""What is particular to application inference profiles stays in profiles/: what carries a run out doesn't know them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bulkprof

PARTICULAR = re.compile(r"inference.?profile|bedrock|copyfrom|servicequota", re.IGNORECASE)


@pytest.mark.parametrize("folder", ["engine", "pacing", "store", "locks"])
def test_no_file_of_it_speaks_of_them(folder: str) -> None:
    files = sorted((Path(bulkprof.__file__).parent / folder).rglob("*.py"))
    assert files
    found = {file.name: PARTICULAR.findall(file.read_text(encoding="utf-8")) for file in files}
    assert not {name: words for name, words in found.items() if words}


def test_their_own_folder_does() -> None:
    files = (Path(bulkprof.__file__).parent / "profiles").glob("*.py")
    assert any(PARTICULAR.search(file.read_text(encoding="utf-8")) for file in files)
