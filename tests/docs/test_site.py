"""The site builds strictly, so that each link leads somewhere, and asks nothing of the network when it is read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.sessions import DOCS
from tools.site import outside, reference

ROOT = DOCS.parent


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the site is made from, in a folder of its own, where tests may break it."""
    if find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed; `make docs` brings it")
    folder = tmp_path_factory.mktemp("site")
    for name in ("bulkprof", "docs", "plugins", "samples", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".bulkprof"))
    for file in (*ROOT.glob("*.md"), ROOT / "LICENSE", ROOT / "mkdocs.yml"):
        shutil.copy(file, folder)
    return folder


def build(folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(copy: Path) -> Path:
    code, said = build(copy)
    assert code == 0, said
    return copy / "site"


def test_the_site_reads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert {"index.html", "tutorial.html", "commands.html", "guarantees.html"} <= {page.name for page in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"((?:https?:)?//[^\"]*)\"", text)
        assert not loaded, (page, loaded)
    assert (site / "search" / "search_index.js").is_file(), "the search can't work from disk"


def test_lists_are_lists_wherever_they_stand(site: Path) -> None:
    page = (site / "guarantees.html").read_text(encoding="utf-8")
    assert re.search(r"Where names are unique the old profile has to go first:\s*<ul>\s*<li>", page)
    for each in site.rglob("*.html"):
        for paragraph in re.findall(r"<p>(.*?)</p>", each.read_text(encoding="utf-8"), re.DOTALL):
            assert not re.search(r"^\s*(?:[-*] |1\. |```|\|)", paragraph, re.MULTILINE), (each, paragraph)


def test_links_that_lead_nowhere_fail_the_build(copy: Path, site: Path) -> None:
    """After `site`, which is built from the pages as they are."""
    links = ["no-page.md", "safety.md#no-part", "../no-file.py", "../README.md#no-heading"]
    with (copy / "docs" / "s3.md").open("a", encoding="utf-8") as page:
        page.write("".join(f"\n[there]({link})\n" for link in links))
    code, said = build(copy)
    assert code == 1
    assert [name for name in ("no-page", "no-part", "no-file", "no-heading") if name not in said] == []


def test_every_page_is_in_the_navigation() -> None:
    """So that a new page is found here, and not when the site is built."""
    listed = set(re.findall(r"^ +- .+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert listed == pages | set(reference.pages())


def test_files_outside_the_folder_get_pages_and_links_to_them(tmp_path: Path) -> None:
    (tmp_path / "samples" / "job").mkdir(parents=True)
    (tmp_path / "samples" / "job" / "run.sh").write_text("echo ```\n", encoding="utf-8")
    (tmp_path / "READ.md").write_text("[job](samples/job) [again](docs/a.md#x) [web](https://example.com)", "utf-8")
    made = outside.pages(tmp_path, {"a.md": "[read](../READ.md) [none](../none.md) [here](b.md)"})
    assert set(made) == {"source/READ.md", "source/samples/job.md", "source/samples/job/run.sh.md"}
    assert "[job](samples/job.md) [again](../a.md#x) [web](https://example.com)" in made["source/READ.md"]
    assert "- [run.sh](job/run.sh.md)" in made["source/samples/job.md"]
    assert "````sh\necho ```\n````" in made["source/samples/job/run.sh.md"]
    assert (
        outside.relinked("[read](../READ.md#x) [b](b.md) [c](#c)", "docs/a.md")
        == "[read](source/READ.md#x) [b](b.md) [c](#c)"
    )
