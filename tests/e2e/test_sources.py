"""The ways to write a model: what AWS takes as a source is taken everywhere, and what it refuses is said offline."""

from __future__ import annotations

import pytest

from bulkprof.sandbox import Sandbox
from tests.cli.driver import CONFIG, CommandLine

ID = "us.anthropic.claude-sonnet-4-20250514-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{ID}"
ANYBODYS = f"arn:aws:bedrock:us-east-1::inference-profile/{ID}"


def test_a_system_profiles_arn_without_account_is_that_profile(commands: CommandLine, sandbox: Sandbox) -> None:
    """As a cell, an alias and a default; for the caller's own account, and for one that is entered."""
    base = CONFIG.replace('model = "amazon.nova-lite-v1:0"', f'model = "{ANYBODYS}"')
    commands.config(f'[models]\nsonnet = "{ANYBODYS}"\n', base=base)
    file = commands.manifest(
        f"cell,{ANYBODYS},", "alias,sonnet,", "default,,", f"other,{ANYBODYS},111122223333", header="name,model,account"
    )
    assert commands("validate", file).code == 0
    assert commands.apply(file) == {"created": 4}
    sources = {profile.name: profile.source for profile in sandbox.ledger().live}
    assert sources == dict.fromkeys(("cell", "alias", "default"), ARN) | {
        "other": ARN.replace("123456789012", "111122223333")
    }
    # Written any other way, it is the same.
    ways = [f"cell,{ARN},", f"alias,{ID},", "default,sonnet,", f"other,{ID},111122223333"]
    assert commands.apply(commands.manifest(*ways, header="name,model,account")) == {"unchanged": 4}
    assert commands("export", "--out", "found.csv").code == 0
    assert commands.apply("found.csv") == {"unchanged": 3}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "arn:aws:bedrock:us-east-1:123456789012:foundation-model/amazon.nova-lite-v1:0",
            "names no account; write arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        ),
        (ARN.replace("123456789012", "12345"), f"12 digits, or not at all; write {ANYBODYS}"),
        (ANYBODYS.replace("us-east-1", "us-west-2"), "of Region us-west-2, the profile is for us-east-1"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl",
            "an application inference profile can't be copied",
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:custom-model/a.b/abcdefghijkl", "a custom model can't be copied"),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl", "an imported model can't be copied"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:marketplace/model-endpoint/all-access",
            "a marketplace endpoint can't",
        ),
        ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/a", "a marketplace endpoint can't be copied"),
    ],
)
def test_what_cannot_be_copied_is_said_without_a_network(commands: CommandLine, source: str, said: str) -> None:
    ended = commands("validate", commands.manifest(f"a,{source}", header="name,model"))
    assert ended.code == 65
    assert said in ended.out + ended.err


def test_the_plan_names_the_system_profile_to_use(commands: CommandLine, sandbox: Sandbox) -> None:
    bare = ID.removeprefix("us.")
    ended = commands("plan", commands.manifest(f"a,{bare}", header="name,model"))
    assert ended.code == 0
    assert f"{bare} can't be invoked on demand by itself; use global.{bare} or {ID}" in ended.err
