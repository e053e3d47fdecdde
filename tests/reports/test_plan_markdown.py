"""A plan as Markdown: what manifests and AWS say stays text, and it fits into the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bulkprof.model import ActionKind, Refusal
from bulkprof.reports.plan import markdown
from bulkprof.reports.plan.markdown import plan_markdown
from bulkprof.store.run import RunFile
from tests.factories import OURS, TARGET, desire, make_run, plan_all
from tests.reports.test_markdown import cells

HTML = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFile]:
    with make_run(tmp_path / "run.db") as made:
        yield made


def refused(run: RunFile, message: str) -> str:
    """The Markdown of a plan whose one action is refused for this reason."""
    desire(run, "name")
    run.end_intake()
    plan_all(run, refusal=Refusal("Code", message))
    return page_of(run)


def page_of(run: RunFile, **more: Any) -> str:
    return "\n".join(plan_markdown(run, **more)) + "\n"


def test_text_from_elsewhere_can_not_become_markup(run: RunFile) -> None:
    nasty = "a|b <img src=x> `c` **d** [e](http://example.com) &amp; _f_ \\|\nnext"
    page = refused(run, nasty)
    assert cells(page)[-4:] == ["111122223333/us-east-1", "name", "refused", "Code: " + nasty.replace("\n", " ")]
    assert "<img" not in HTML.render(page)


def test_a_cell_notifies_no_user_of_github(run: RunFile) -> None:
    # GitHub looks for names in the text that Markdown leaves: a comment divides it, and isn't seen.
    shown = HTML.render(refused(run, "ask @octocat or (@o/team) o@example.com"))
    assert "ask @<!-- -->octocat or (@<!-- -->o/team) o@<!-- -->example.com</td>" in shown


def test_old_and_new_values_are_escaped(run: RunFile) -> None:
    desire(run, "name", tags={**OURS, "Team": "<b>|new"})
    run.end_intake()
    tags = {"Team": "<b>|new", "City": "Bern"}
    plan_all(run, ActionKind.UPDATE, set_tags=tags, remove_tags=("Old",), old={"tag:Team": "*a*", "tag:Old": "x"})
    shown = HTML.render(page_of(run))
    assert "<td>+ tag:City 'Bern'<br>- tag:Old 'x'<br>~ tag:Team '*a*' -&gt; '&lt;b&gt;|new'</td>" in shown


def test_the_first_of_each_kind_are_listed(run: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "EACH", 2)
    desire(run, *(f"name-{number}" for number in range(5)))
    run.end_intake()
    plan_all(run)
    assert page_of(run).count("| name-") == 2
    assert "… and 3 more to create; all that fit in here: `bulkprof plan --markdown --all`." in page_of(run)
    assert page_of(run, everything=True).count("| name-") == 5


def test_it_is_never_longer_than_github_takes(run: RunFile) -> None:
    names = [f"name-{number:04}-{'x' * 50}" for number in range(600)]
    desire(run, *names, tags={**OURS, "k": "n" * 250})
    run.end_intake()
    plan_all(run, ActionKind.UPDATE, set_tags={"k": "[" * 250}, old={"tag:k": "|" * 250})
    unwanted = tuple((TARGET.account, TARGET.region, "u" * 64, "arn:u") for _ in range(100))
    run.note(unwanted=100, unwanted_first=unwanted)
    page = page_of(run, everything=True)
    rows = page.count("| name-")
    assert len(page) <= 65_536
    assert len(page) > 40_000
    assert f"… and {600 - rows} more to update; they don't fit in here." in page
    # The table ends with a whole row.
    assert len(cells(page)) == 2 + 4 * rows


def test_a_refusal_of_a_plugin_leaves_it_short_enough(run: RunFile) -> None:
    desire(run, *(f"name-{number:04}" for number in range(600)), tags={**OURS, "k": "n" * 250})
    run.end_intake()
    plan_all(run, ActionKind.UPDATE, set_tags={"k": "@n" * 125}, old={"tag:k": "@o" * 125})
    # As Markdown, it is five times as long.
    run.note(unwanted=100, unwanted_first=((TARGET.account, TARGET.region, "@u" * 32, "arn:u"),) * 100)
    page = page_of(run, everything=True, refused="@a" * 2000)
    assert len(page) <= 65_536
    assert "they don't fit in here." in page


def test_what_is_cut_for_its_length_is_not_to_be_had_by_a_flag(run: RunFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "LONGEST", 20_000)
    desire(run, *(f"name-{number:04}" for number in range(90)), tags={**OURS, "k": "n" * 250})
    run.end_intake()
    plan_all(run, ActionKind.UPDATE, set_tags={"k": "[" * 250}, old={"tag:k": "|" * 250})
    assert "more to update; they don't fit in here." in page_of(run)


def test_what_no_manifest_wants_is_named(run: RunFile) -> None:
    run.note(unwanted=1, unwanted_first=((TARGET.account, TARGET.region, "old_one", "arn:o"),), sandbox=True)
    page = page_of(run)
    assert page.startswith("## bulkprof plan in the sandbox: no changes\n")
    assert (
        "1 profile of this estate that no manifest wants; --prune would delete: 111122223333/us-east-1 old\\_one."
        in page
    )
