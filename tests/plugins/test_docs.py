"""The page on plugins tells the truth: every hook is on it, and every example on it works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bulkprof.plugins
from bulkprof.plugins import hookspecs
from bulkprof.plugins.registry import HOOKS, check_file

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HOOK_BLOCKS = [block for block in BLOCKS if "@hookimpl" in block]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook: str) -> None:
    assert f"| [`{hook}`](#{hook}) |" in PAGE, "has no line in the table of hooks"
    assert len(SECTIONS.get(hook, "")) > 100, "has no section of its own"
    assert any(f"def {hook}(" in block for block in HOOK_BLOCKS), "has no example"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hookspec_says_when_it_fires(hook: str) -> None:
    assert (getattr(hookspecs, hook).__doc__ or "").startswith("Fires "), "has no docstring that says when it fires"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_used_in_a_test(hook: str) -> None:
    used = [file for file in (ROOT / "tests").rglob("test_*.py") if re.search(rf"\b{hook}\b", file.read_text("utf-8"))]
    assert used, "is in no test"


def test_the_page_names_no_hook_that_is_not_there() -> None:
    packages = {"bulkprof_tags"}
    assert set(re.findall(r"\bbulkprof_\w+", PAGE)) - packages == set(HOOKS)


def test_the_page_lists_hooks_in_the_order_in_which_they_fire() -> None:
    assert tuple(SECTIONS) == HOOKS


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_examples_compile(number: int) -> None:
    compile(BLOCKS[number], f"docs/plugins.md, example {number + 1}", "exec")


@pytest.mark.parametrize("number", range(len(HOOK_BLOCKS)))
def test_examples_are_plugins_that_load(number: int, tmp_path: Path) -> None:
    file = tmp_path / f"example_{number}.py"
    file.write_text(HOOK_BLOCKS[number], encoding="utf-8")
    declared = re.findall(r"def (bulkprof_\w+)", HOOK_BLOCKS[number])
    assert sorted(check_file(file)) == sorted(declared)


def test_the_example_of_a_test_passes() -> None:
    (block,) = [block for block in BLOCKS if "def test_" in block]
    namespace: dict[str, object] = {}
    exec(compile(block, "docs/plugins.md", "exec"), namespace)
    test = namespace["test_team_becomes_a_tag"]
    assert callable(test)
    test()


def test_what_the_api_exports_is_there_and_named_once() -> None:
    exported = bulkprof.plugins.__all__
    assert len(set(exported)) == len(exported)
    assert all(hasattr(bulkprof.plugins, name) for name in exported)
