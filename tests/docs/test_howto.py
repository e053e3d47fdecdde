"""What the pages on how to do things show can be done: configs load, and commands run, in the sandbox."""

from __future__ import annotations

import re

import pytest

import bulkprof
from tests.cli.driver import CommandLine
from tests.docs.sessions import DOCS, missing, steps

PAGES = ("onboarding.md", "adopting.md", "replacing.md", "fleet.md")
BASE = """\
[defaults]
model = "nova-lite"
region = "us-east-1"

[models]
nova-lite = "amazon.nova-lite-v1:0"
nova-pro = "amazon.nova-pro-v1:0"

[plugins.naming]
template = "{team}-{app}-{model}"

[organization]
role = "BulkprofMember"

[run]
settle_s = 0
"""


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run(page: str, commands: CommandLine) -> None:
    commands.monkeypatch.setenv("BULKPROF_SANDBOX", "1")
    commands.monkeypatch.setenv("BULKPROF_YES", "1")
    commands.config("", base=BASE)
    commands.manifest("search,ranking", header="team,app")
    if page == "fleet.md":
        accounts = "|".join(f"{number}11122223333" for number in range(1, 5))
        commands.manifest(f"search,ranking,{accounts}", header="team,app,account")
    if page == "adopting.md":
        commands.manifest("search,ranking,111122223333", header="team,app,account", file="others.csv")
        assert commands("apply", "others.csv").code == 0
        assert commands("disown", "search-ranking-nova-lite", "--accounts", "111122223333").code == 0
    ran = 0
    for step in steps(page):
        if step.file:
            commands.write(step.file, step.text)
            continue
        ended = commands(*step.arguments)
        said = ended.out + ended.err
        assert ended.code == step.exit_code, (step.arguments, said)
        assert missing(step.shown, said) == [], (step.arguments, said)
        ran += 1
    assert ran >= 3


@pytest.mark.parametrize("page", PAGES)
def test_configs_of_a_page_load(page: str, commands: CommandLine) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        commands.config(block, base="")
        bulkprof.load_config(commands.folder / "bulkprof.toml")
