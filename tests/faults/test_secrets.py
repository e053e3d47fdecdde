"""Canaries: recognizable secrets go in wherever a secret can; whatever a run prints or writes is searched for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkprof.engine import retry
from bulkprof.sandbox import Fault, Hypotheses
from bulkprof.sandbox.services import sts
from tests.cli.driver import CommandLine
from tests.faults.killing import PATIENCE_S, Victim

CREATE = "CreateInferenceProfile"
CANARY = "canarytweets"
"""Every secret holds it: no other text of a run does."""
SECRETS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}key",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-secret-access-key",
    "AWS_SESSION_TOKEN": f"{CANARY}-session-token",
    "SLACK_WEBHOOK_URL": f"https://hooks.slack.invalid/services/{CANARY}",
    "WEBHOOK_URL": f"https://hooks.example.invalid/{CANARY}",
    "WEBHOOK_SIGNING_KEY": f"{CANARY}-signing-key",
    "HTTPS_PROXY": f"http://user:{CANARY}-proxy@127.0.0.1:9",
    "https_proxy": f"http://user:{CANARY}-proxy@127.0.0.1:9",
}
CONFIG = """
[plugins.slack]
timeout_s = 2
[plugins.webhook]
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


@contextmanager
def staged(folder: Path, scene: Scene) -> Iterator[Victim]:
    """The scene's folder and sandbox, ready for its command."""
    with Victim(folder, Hypotheses(), seed=0, rows=6) as victim:
        config = victim.folder / "bulkprof.toml"
        text = config.read_text().replace("settle_s = 1.0", "settle_s = 0\nattempts = 2")
        config.write_text(text.replace("[run]", f"{scene.organization}[run]") + scene.config)
        (victim.folder / "bad.jsonl").write_text('{"name": "no.dots", "model": "?"}\n')
        victim.more = {**SECRETS, **scene.variables}
        victim.sandbox.set_faults(scene.faults)
        victim.sandbox.set_denied(accounts=scene.denied)
        yield victim


def written(folder: Path) -> dict[str, str]:
    """All files that a scene left but its config, by where."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "bulkprof.toml"]
    return {str(path.relative_to(folder)): path.read_bytes().decode("latin-1") for path in files}


def never_sings(left: dict[str, str]) -> None:
    assert "Traceback" not in left["stderr"]
    for place, text in left.items():
        at = text.lower().find(CANARY)
        assert at < 0, f"{place}: …{text[max(0, at - 100) : at + 60]}…"


@pytest.fixture(autouse=True)
def _session_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of assumed roles are secrets, too."""
    numbers = itertools.count()

    class Tokens:
        """Answers canaries."""

        @staticmethod
        def token_hex(_size: int) -> str:
            return f"{CANARY}-assumed-secret-{next(numbers)}"

        token_urlsafe = token_hex

    monkeypatch.setattr(sts, "secrets", Tokens)


@pytest.mark.parametrize("name", SCENES)
def test_no_canary_sings(commands: CommandLine, caplog: pytest.LogCaptureFixture, name: str) -> None:
    scene = SCENES[name]
    commands.monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)
    with staged(commands.folder, scene) as victim:
        for variable, value in victim.environment.items():
            commands.monkeypatch.setenv(variable, value)
        ended = commands(*scene.command, "--yes", "--json", "--results", "results.jsonl", "--failed", "failed.jsonl")
    left = {"stdout": ended.out, "stderr": ended.err, "log": caplog.text, **written(commands.folder)}
    assert ended.code == scene.code, ended.err
    never_sings(left)


def test_nor_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Where the interpreter has its say, too. And what isn't used can't leak: the secrets of this suite are."""

    def play(folder: Path, scene: Scene) -> dict[str, str]:
        with staged(folder, scene) as victim:
            with victim.start(*scene.command, "--failed", "failed.jsonl") as process:
                out, err = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == scene.code, err
            left = {"stdout": out, "stderr": err, **written(folder)}
            never_sings(left)
            return left

    with ThreadPoolExecutor(2) as pool:
        well = pool.submit(play, tmp_path / "well", SCENES["all is well, but the webhook"])
        denied = pool.submit(play, tmp_path / "denied", SCENES["one role can't be assumed"])
    assert "slack" in well.result()["stderr"]
    assert "sink 'webhook'" in well.result()["stderr"]
    assert ".bulkprof/runs" in " ".join(well.result())
    assert "can't assume" in denied.result()["results.jsonl"]
    assert denied.result()["failed.jsonl"].count("\n") == 2
