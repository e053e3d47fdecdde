"""Canaries: recognizable secrets go in wherever a secret can; whatever a run prints or writes is searched for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkprof.sandbox import Fault, Hypotheses, sts
from tests.faults.killing import PATIENCE_S, Victim

CREATE = "CreateInferenceProfile"
CANARY = "canarytweets"
"""Every secret holds it: no other text of a run does."""
SECRETS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}key",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-secret-access-key",
    "AWS_SESSION_TOKEN": f"{CANARY}-session-token",
    "SLACK_WEBHOOK_URL": f"https://hooks.slack.invalid/services/{CANARY}",
    "HTTPS_PROXY": f"http://user:{CANARY}-proxy@127.0.0.1:9",
    "https_proxy": f"http://user:{CANARY}-proxy@127.0.0.1:9",
}
CONFIG = """
[plugins.slack]
timeout_s = 2
"""
DETAILS = f'external_id = "{CANARY}-external-id"\n'


@dataclass(frozen=True)
class Scene:
    """What goes wrong, and how the command ends then."""

    code: int = 0
    command: tuple[str, ...] = ("apply", "rows.jsonl")
    faults: tuple[Fault, ...] = ()
    denied: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    config: str = CONFIG
    organization: str = DETAILS


def always(kind: str, operation: str = CREATE) -> tuple[Fault, ...]:
    return (Fault(kind, operation),)


SCENES = {
    "all is well, but the webhook": Scene(),
    "no role can be assumed": Scene(1, denied=("111111111111", "222222222222", "333333333333")),
    "one role can't be assumed": Scene(3, denied=("222222222222",)),
    "own keys are refused": Scene(1, faults=always("expired_token", "GetCallerIdentity")),
    "creations are denied": Scene(3, faults=always("access_denied")),
    "connections are cut": Scene(3, faults=always("cut_before")),
    "answers are broken": Scene(3, faults=(*always("truncate_half"), Fault("cut_before", "ListTagsForResource"))),
    "STS is cut off": Scene(1, faults=always("cut_before", "AssumeRole")),
    "nobody is there": Scene(1, variables={"AWS_ENDPOINT_URL": f"http://127.0.0.1:9/{CANARY}-endpoint"}),
    "a bad endpoint": Scene(1, variables={"AWS_ENDPOINT_URL": f"nonsense://{CANARY}-endpoint"}),
    "a bad external id": Scene(1, organization=f'external_id = "{CANARY} % external id"\n'),
    "a bad key in the config": Scene(1, organization=f'{DETAILS}external_ids = "{CANARY}"\n'),
    "the webhook in the config": Scene(1, config=f'[plugins.slack]\nwebhook_env = "{SECRETS["SLACK_WEBHOOK_URL"]}"\n'),
    "an invalid row": Scene(65, command=("apply", "bad.jsonl")),
}


def play(folder: Path, number: int, scene: Scene) -> tuple[int, dict[str, str]]:
    """Run a scene; answers its exit code and all that it left, by where."""
    with Victim(folder / str(number), Hypotheses(), seed=number, rows=6) as victim:
        config = victim.folder / "bulkprof.toml"
        text = config.read_text().replace("settle_s = 1.0", "settle_s = 0\nattempts = 2")
        config.write_text(text.replace("[run]", f"{scene.organization}[run]") + scene.config)
        (victim.folder / "bad.jsonl").write_text('{"name": "no.dots", "model": "?"}\n')
        victim.more = {**SECRETS, **scene.variables}
        victim.sandbox.set_faults(scene.faults)
        victim.sandbox.set_denied(accounts=scene.denied)
        left: dict[str, str] = {}
        with victim.start(*scene.command, "--failed", "failed.jsonl") as process:
            left["stdout"], left["stderr"] = process.communicate(timeout=PATIENCE_S)
        for path in victim.folder.rglob("*"):
            if path.is_file() and path != config:
                left[str(path.relative_to(victim.folder))] = path.read_bytes().decode("latin-1")
        return process.returncode, left


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, dict[str, str]]]]:
    folder = tmp_path_factory.mktemp("canaries")
    numbers = itertools.count()

    class Tokens:
        """Sessions of assumed roles are secrets, too."""

        @staticmethod
        def token_hex(_size: int) -> str:
            return f"{CANARY}-assumed-secret-{next(numbers)}"

        token_urlsafe = token_hex

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(5) as pool:
        patch.setattr(sts, "secrets", Tokens)
        futures = {name: pool.submit(play, folder, n, scene) for n, (name, scene) in enumerate(SCENES.items())}
        yield {name: future.result() for name, future in futures.items()}


@pytest.mark.parametrize("name", SCENES)
def test_no_canary_sings(played: dict[str, tuple[int, dict[str, str]]], name: str) -> None:
    code, left = played[name]
    assert code == SCENES[name].code, left["stderr"]
    assert "Traceback" not in left["stderr"]
    for place, text in left.items():
        at = text.lower().find(CANARY)
        assert at < 0, f"{place}: …{text[max(0, at - 100) : at + 60]}…"


def test_the_canaries_were_there(played: dict[str, tuple[int, dict[str, str]]]) -> None:
    """What isn't used can't leak: the secrets of this suite are."""
    _, left = played["all is well, but the webhook"]
    assert "slack" in left["stderr"]
    assert ".bulkprof/runs" in " ".join(left)
    _, left = played["one role can't be assumed"]
    assert "can't assume" in left["results.jsonl"]
    assert left["failed.jsonl"].count("\n") == 2
