"""What is nearly right: messages name what is likely meant."""

from __future__ import annotations

import pytest

from tests.cli.driver import CommandLine


@pytest.mark.parametrize(
    ("config", "arguments", "told"),
    [
        ("", "aply teams.csv", "No such command 'aply'. Did you mean 'apply'?"),
        ("", "runs redelivr", "Did you mean 'redeliver'?"),
        ("", "validate teams.csv --confg x", "--config"),
        ("[rollout]\nordr = []", "validate teams.csv", "rollout.ordr: is not a known key; did you mean order?"),
        ("[plugins.namin]", "validate teams.csv", "did you mean naming?"),
        (
            '[plugins.slack]\nwhn = "failure"',
            "validate teams.csv",
            "plugins.slack.whn: is not a known key; did you mean",
        ),
        ('[columns]\nacount = "Account ID"', "validate teams.csv", "is not a known column; did you mean account?"),
        ('[rollout]\norder = ["us-esat-1"]', "validate teams.csv", "rollout.order: 'us-esat-1' is no Region that"),
        ("", "catalog --format litelm", "there is no such format; did you mean litellm?"),
    ],
)
def test_what_is_likely_meant_is_named(commands: CommandLine, config: str, arguments: str, told: str) -> None:
    commands.config(config)
    commands.manifest("search")
    ended = commands(*arguments.split())
    assert told in ended.err


def test_a_doubtful_region_is_taken_as_it_is(commands: CommandLine) -> None:
    commands.config('[rollout]\norder = ["us-esat-1"]\n')
    commands.manifest("search")
    ended = commands("validate", "teams.csv")
    assert (ended.code, ended.err.count("did you mean us-east-1?")) == (0, 1)
