"""The layout of the package: every module has its layer, arrows point down, folders and files stay small.

`make lint` holds the import contracts themselves; here is what they don't say, and that no module escapes them.
"""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bulkprof"
FILES = 14
"""The most Python files of a folder: a dozen or so, and its `__init__.py`."""
LINES = 320
"""The most lines of a file."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("bulkprof", cache_dir=None)


def layers() -> list[str]:
    """Of the contract, in its order: the first may import all that follow."""
    (contract,) = (each for each in CONTRACTS if each["type"] == "layers")
    return list(chain.from_iterable(re.split(r"[:|]", line) for line in contract["layers"]))


def test_every_module_is_in_a_layer() -> None:
    here = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert here - {"__init__", "__main__", "_version"} == {layer.strip() for layer in layers()}


def test_no_folder_lacks_its_init() -> None:
    """Without one, the contracts don't see what is in it."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_contracts_name_no_folder_that_is_allowed() -> None:
    """So that a new folder can't be forgotten in a list: only layers are listed, and that list is exhaustive."""
    for contract in CONTRACTS:
        if contract["type"] == "forbidden":
            assert not set(contract["source_modules"]) & {f"bulkprof.{layer.strip()}" for layer in layers()} - {
                "bulkprof.sandbox"
            }
        else:
            assert contract["exhaustive"]


def test_no_two_files_import_each_other(graph: grimp.ImportGraph) -> None:
    both = {
        tuple(sorted((module, other)))
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
        if module in graph.find_modules_directly_imported_by(other)
    }
    assert both == set()


def test_no_folder_is_crowded() -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in {path.parent for path in PACKAGE.rglob("*.py")}}
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > FILES} == {}


def test_no_file_is_too_long() -> None:
    files = chain(PACKAGE.rglob("*.py"), (ROOT / "plugins").rglob("*.py"))
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


@pytest.mark.parametrize("folder", ["engine", "store", "locks", "pacing"])
def test_what_carries_out_knows_no_kind_of_resource(folder: str) -> None:
    """All that is particular to application inference profiles is in `profiles/`."""
    particular = re.compile(r"inference.?profile|bedrock|copyfrom|L-40EC9882", re.IGNORECASE)
    found = {
        f"{path.name}:{number}": line.strip()
        for path in (PACKAGE / folder).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if particular.search(line)
    }
    assert found == {}


@pytest.mark.parametrize("plugin", sorted((ROOT / "plugins").glob("bulkprof_*")), ids=lambda path: path.name)
def test_shipped_plugins_are_typed(plugin: Path) -> None:
    assert (plugin / "py.typed").exists()


def test_every_package_has_a_folder_of_tests() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert packages - folders == set()


def test_the_architecture_page_names_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    paths = {path for path in re.findall(r"`([\w/]+(?:/|\.(?:py|toml|md)))`", page) if "NAME" not in path}
    missing = {path for path in paths if not (ROOT / path).exists() and not (PACKAGE / path).exists()}
    assert missing == set()
    folders = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    assert {folder for folder in folders if f"`{folder}/`" not in page} == set()
