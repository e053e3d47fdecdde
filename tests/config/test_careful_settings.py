"""The tables that limit a run: `[prune]`, `[caps]` and `[rollout]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkprof.config import Config, load
from bulkprof.errors import ConfigError


def read(folder: Path, text: str) -> Config:
    file = folder / "bulkprof.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def test_what_a_table_leaves_out_is_as_by_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "[caps.updates]\npercent = 80\n[caps.replacements]\naccount_count = 0\n").settings
    updates, replacements, prune = settings.caps.updates, settings.caps.replacements, settings.prune
    assert (updates.percent, updates.count, updates.account_percent, updates.account_count) == (80, 20, 100, 20)
    assert (replacements.percent, replacements.count) == (25, 20)
    assert (replacements.account_percent, replacements.account_count) == (50, 0)
    assert (prune.percent, prune.count, prune.account_percent, prune.account_count) == (10, 5, 25, 5)
    assert (settings.rollout.canary, settings.rollout.order) == (0, ())


def test_one_region_needs_no_list(tmp_path: Path) -> None:
    assert read(tmp_path, '[rollout]\norder = "eu-central-1"\n').settings.rollout.order == ("eu-central-1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[rollout]\norder = ["US East"]', "rollout.order: 'US East' is not a Region's name; write it as AWS does"),
        ('[rollout]\norder = ["us-east-1,us-west-2"]', "rollout.order: 'us-east-1,us-west-2' holds several values"),
        ('[rollout]\norder = ["us-east-1", "us-east-1"]', "rollout.order: 'us-east-1' stands in it twice"),
        ("[rollout]\ncanary = -1", "rollout.canary: "),
        ("[caps.updates]\npercent = 101", "caps.updates.percent: "),
        ("[caps.replacements]\ncount = -1", "caps.replacements.count: "),
        ("[caps.deletions]\ncount = 1", "caps.deletions: is not a known key"),
    ],
)
def test_what_they_may_not_say(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert f"bulkprof.toml: {said}" in str(caught.value)
