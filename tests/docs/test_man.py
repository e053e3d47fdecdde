"""The man pages are those that the code makes, and `man` shows them without complaints."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bulkprof.cli.app import HOMES
from tools import man

PAGES = man.pages()


def test_pages_are_as_the_code_makes_them() -> None:
    kept = {page.name: page.read_text(encoding="ascii") for page in man.FOLDER.iterdir()}
    assert kept == PAGES, "make man"


def test_every_command_has_a_page_with_its_flags() -> None:
    assert {"bulkprof.1", "bulkprof-runs-prune.1", *(f"bulkprof-{name}.1" for name in HOMES)} <= set(PAGES)
    page = PAGES["bulkprof-apply.1"]
    assert r"\fB\-y\fR, \fB\-\-yes\fR" in page
    assert r"\fB\-\-csv\-cells\fR \fIsafe|raw\fR" in page
    assert r"Variable: \fBBULKPROF_STATE_DIR\fR. Default: .bulkprof." in page
    listed = PAGES["bulkprof.1"].partition(".SH COMMANDS")[2]
    places = [listed.index(rf"\fBbulkprof\-{name.replace('-', chr(92) + '-')}\fR(1)") for name in HOMES]
    assert places == sorted(places), "the order of --help"


def test_pages_of_commands_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "bulkprof-gone.1").touch()
    man.write(tmp_path)
    assert {page.name for page in tmp_path.iterdir()} == set(PAGES)


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_groff_has_nothing_to_complain_about() -> None:
    pages = sorted(map(str, man.FOLDER.iterdir()))
    ended = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", *pages], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert ended.stderr == ""
    # Bold letters are struck twice.
    shown = re.sub(".\x08", "", ended.stdout)
    assert "bulkprof apply [OPTIONS] MANIFEST...|PLAN" in " ".join(shown.split())
