"""The page in a real Chromium: no error, no request, search and sort by hand, nothing taken over, accessible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reports.html import browser
from tests.reports.html.browser import Browser, Opened
from tests.reports.html.runs import EVIL, IMAGE, TEMPLATE, sample

# What a user does, and what the page shows then.
USE = """
const $ = (id) => document.getElementById(id);
const rows = () => [...$("table").tBodies[0].rows];
const column = (n) => rows().map((row) => row.cells[n].textContent);
const type = (element, text) => {
  element.focus();
  const focused = document.activeElement === element;
  element.value = text;
  element.dispatchEvent(new Event(element.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
  return focused;
};
const sorting = () => [...$("table").tHead.rows[0].cells].map((cell) => cell.getAttribute("aria-sort"));
const found = { title: document.title, scripts: document.scripts.length, images: document.images.length };
found.first = { rows: rows().length, shown: $("shown").textContent, back: $("back").disabled, names: column(1) };
$("on").click();
found.second = { shown: $("shown").textContent, rows: rows().length };
$("on").click();
found.third = { shown: $("shown").textContent, on: $("on").disabled };
found.searchable = type($("search"), "TEAM-7 us-west-2");
found.searched = { shown: $("shown").textContent, rows: column(1).concat(column(3)) };
type($("search"), "no such profile");
found.none = { shown: $("shown").textContent, rows: rows().length };
type($("search"), "");
type($("kind"), "unknown");
found.kind = { shown: $("shown").textContent, rows: column(1) };
type($("kind"), "");
const sorter = $("table").tHead.rows[0].cells[1].querySelector("button");
sorter.focus();
found.sortable = document.activeElement === sorter;
found.unsorted = sorting();
sorter.click();
found.up = { sorting: sorting(), names: column(1).filter((name) => name.startsWith("team-")).slice(0, 6) };
sorter.click();
found.down = { sorting: sorting(), names: column(1).slice(0, 2) };
sorter.click();
found.again = { sorting: sorting(), names: column(1) };
found.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
found.scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
"""
AXE = """
const checked = await axe.run();
found.violations = checked.violations.map((each) => [each.impact, each.id, each.nodes.map((node) => node.html)]);
found.passes = checked.passes.map((each) => each.id);
return found;
"""
# What the harness has to notice: an error, a request that the policy allows here, and a field without a name.
BROKEN = """
const found = {};
document.body.insertAdjacentHTML("beforeend", "<input><img alt='' src='http://example.com/x.png'>");
setTimeout(() => { throw new Error("a broken page"); });
await new Promise((done) => setTimeout(done, 100));
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Opened]:
    """What became of the page as it is, in the dark on a narrow window, and broken: all opened side by side."""
    browser.require()
    folder = tmp_path_factory.mktemp("browser")
    page = sample(folder / "state")
    policy = "img-src data:"
    assert policy in page
    at_work = {
        "light": Browser(folder / "light", page, USE + AXE, "--window-size=1280,900"),
        "dark": Browser(folder / "dark", page, USE + AXE, browser.DARK, "--window-size=500,900"),
        "broken": Browser(folder / "broken", page.replace(policy, "img-src http:"), BROKEN + AXE),
    }
    return {name: each.opened() for name, each in at_work.items()}


@pytest.mark.parametrize(
    ("required", "ends"), [("", pytest.skip.Exception), ("required", pytest.fail.Exception)], ids=["at home", "in CI"]
)
def test_without_a_browser(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, required: str, ends: type[BaseException]
) -> None:
    monkeypatch.setenv("TEST_BROWSER", required)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "AXE", tmp_path / "axe.min.js")
    with pytest.raises(ends, match="chromium and axe-core not found; `make browser` brings it"):
        browser.require()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, opened: dict[str, Opened]) -> Opened:
    return opened[request.param]


@pytest.fixture
def found(page: Opened) -> dict[str, Any]:
    assert "harness" not in page.found, page.found
    return page.found


def test_no_error_and_no_request(page: Opened, found: dict[str, Any]) -> None:
    assert (page.errors, page.violations, page.console) == ([], [], [])
    assert page.asked_for == set()


def test_what_is_broken_is_noticed(opened: dict[str, Opened]) -> None:
    broken = opened["broken"]
    assert any("a broken page" in error for error in broken.errors)
    assert any("a broken page" in line for line in broken.console)
    assert broken.asked_for == {"http://example.com/x.png"}
    assert "label" in {rule for _, rule, _ in broken.found["violations"]}


def test_nothing_is_serious_for_those_who_use_it_otherwise(found: dict[str, Any]) -> None:
    assert found["violations"] == []
    assert {"color-contrast", "label", "aria-allowed-attr", "document-title"} <= set(found["passes"])


def test_light_and_dark_as_the_browser_asks_for(opened: dict[str, Opened]) -> None:
    assert [opened[name].found["scheme"] for name in ("light", "dark")] == ["light", "dark"]


def test_values_take_nothing_over(found: dict[str, Any]) -> None:
    assert "taken" not in found["title"].replace(EVIL, "")
    # The page's own two, and the three that the harness adds.
    assert (found["scripts"], found["images"]) == (5, 0)
    assert found["first"]["names"][:3] == [EVIL, IMAGE, TEMPLATE]


def test_pages_are_turned(found: dict[str, Any]) -> None:
    assert found["first"]["shown"] == "1 to 50 of 128 profiles"
    assert (found["first"]["rows"], found["first"]["back"]) == (50, True)
    assert found["second"] == {"shown": "51 to 100 of 128 profiles", "rows": 50}
    assert found["third"] == {"shown": "101 to 128 of 128 profiles", "on": True}


def test_profiles_are_found_by_all_words(found: dict[str, Any]) -> None:
    assert found["searchable"]
    assert found["searched"] == {"shown": "1 to 1 of 1 profile", "rows": ["team-7", "us-west-2"]}
    assert found["none"] == {"shown": "0 profiles", "rows": 0}
    assert found["kind"] == {"shown": "1 to 2 of 2 profiles", "rows": [TEMPLATE, TEMPLATE]}


def test_columns_are_sorted_and_say_so(found: dict[str, Any]) -> None:
    assert found["sortable"]
    assert set(found["unsorted"]) == {"none"}
    assert found["up"]["sorting"][:3] == ["none", "ascending", "none"]
    assert found["up"]["names"] == ["team-1", "team-1", "team-2", "team-2", "team-3", "team-3"]
    assert found["down"]["sorting"][1] == "descending"
    assert found["down"]["names"] == ["team-60", "team-60"]
    assert found["again"] == {"sorting": found["unsorted"], "names": found["first"]["names"]}


def test_a_narrow_window_scrolls_tables_and_not_the_page(found: dict[str, Any]) -> None:
    assert not found["wide"]
