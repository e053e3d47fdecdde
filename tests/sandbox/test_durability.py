"""A killed sandbox loses nothing that it answered, and finds all of it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from bulkprof.sandbox import Sandbox, SandboxSettings

SERVE = """
import sys, time
from pathlib import Path
from bulkprof.sandbox import Rate, Sandbox, SandboxSettings
with Sandbox(SandboxSettings(state_file=Path(sys.argv[1]), rate=Rate(10000, 10000))) as sandbox:
    print(sandbox.url, flush=True)
    time.sleep(60)
"""
TOKEN = "run-1-team-a"


def test_kill_minus_nine_loses_nothing(tmp_path: Path, boto_session: Any) -> None:
    state = tmp_path / "state" / "sandbox.jsonl"
    with subprocess.Popen([sys.executable, "-c", SERVE, str(state)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        bedrock = boto_session.create_client(
            "bedrock",
            "us-east-1",
            endpoint_url=url,
            aws_access_key_id="AKIA",
            aws_secret_access_key="x",
            config=Config(proxies={}),
        )
        source = {"copyFrom": "arn:aws:bedrock:us-east-1::foundation-model/zai.glm-4.7"}
        arns = [
            bedrock.create_inference_profile(
                inferenceProfileName=f"team-{number}",
                modelSource=source,
                clientRequestToken=f"{TOKEN}-{number}",
                tags=[{"key": "team", "value": str(number)}],
            )["inferenceProfileArn"]
            for number in range(20)
        ]
        bedrock.tag_resource(resourceARN=arns[0], tags=[{"key": "env", "value": "prod"}])
        bedrock.delete_inference_profile(inferenceProfileIdentifier=arns[1])
        bedrock.close()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Sandbox(SandboxSettings(state_file=state)) as sandbox:
        ledger = sandbox.ledger()
        assert [profile.arn for profile in ledger.profiles] == arns
        assert ledger.profiles[0].tags == {"team": "0", "env": "prod"}
        assert [profile.arn for profile in ledger.profiles if profile.deleted_at] == [arns[1]]


def test_tokens_and_new_ids_go_on_after_a_restart(make: Any, tmp_path: Path) -> None:
    state = tmp_path / "sandbox.jsonl"
    first, aws = make(state_file=state)
    keys = aws.assume("210987654321")
    arn = aws.create(clientRequestToken=TOKEN)
    aws().delete_inference_profile(inferenceProfileIdentifier=aws.create("team-b"))
    first.stop()
    _, aws = make(state_file=state)
    assert aws.create(clientRequestToken=TOKEN) == arn
    assert aws.code_of(aws.create) == "ConflictException"
    aws.create("team-b")
    assert aws.names() == ["team-a", "team-b"]
    assert aws("sts", keys=keys).get_caller_identity()["Account"] == "210987654321"


def test_an_unfinished_line_was_never_answered(make: Any, tmp_path: Path) -> None:
    state = tmp_path / "sandbox.jsonl"
    first, aws = make(state_file=state)
    aws.create("team-a")
    first.stop()
    whole = state.read_bytes()
    state.write_bytes(whole + whole[: len(whole) // 2])
    second, aws = make(state_file=state)
    aws.create("team-b")
    second.stop()
    assert [json.loads(line)["name"] for line in state.read_text().splitlines()] == ["team-a", "team-b"]


def test_a_change_is_one_appended_line(make: Any, tmp_path: Path) -> None:
    state = tmp_path / "sandbox.jsonl"
    _, aws = make(state_file=state)
    sizes = []
    for number in range(3):
        aws.create(f"team-{number}")
        sizes.append(state.stat().st_size)
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] == sizes[0]


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "notes.txt"
    state.write_text("hands off\n")
    with pytest.raises(ValueError, match="not a sandbox's state file"):
        Sandbox(SandboxSettings(state_file=state)).start()
    assert state.read_text() == "hands off\n"


def test_ids_follow_the_seed_and_not_the_order_of_calls(make: Any) -> None:
    _, one = make(seed=1)
    _, other = make(seed=1)
    _, third = make(seed=2)
    names = ["team-a", "team-b", "team-c"]
    ids = {name: one.create(name) for name in names}
    assert {name: other.create(name) for name in reversed(names)} == ids
    assert third.create("team-a") != ids["team-a"]
