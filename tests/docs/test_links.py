"""The links between the pages lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tools.site import reference

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_WEB = ("https://", "http://", "mailto:")


@cache
def made() -> frozenset[Path]:
    """Pages that are made when the site is; it is the build of the site that checks the headings in them."""
    return frozenset(ROOT / "docs" / path for path in reference.pages())


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        if link.startswith(_WEB) or to in made():
            continue
        if not to.exists() or (anchor and anchor not in anchors(to)):
            wrong.append(link)
    assert wrong == []


def test_the_ways_of_an_arn_are_all_on_one_page() -> None:
    page = (ROOT / "docs" / "after-the-arn.md").read_text(encoding="utf-8")
    assert {"sinks.md", "webhook.md", "money.md"} <= {link.partition("#")[0] for link in _LINK.findall(page)}
