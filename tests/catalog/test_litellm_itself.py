"""Smoke with the real LiteLLM, where its command is on the path.

It is no dependency of the project: install it in an environment of its own, as `pipx install litellm` does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bulkprof.catalog.formats.litellm import litellm
from tests.catalog.making import HAIKU, NOVA, OPUS, OTHER, SONNET, arn, entry

LITELLM = shutil.which("litellm")
pytestmark = pytest.mark.skipif(LITELLM is None, reason="optional: pipx install litellm")


def test_each_name_calls_its_profile_at_the_price_of_its_model(tmp_path: Path) -> None:
    west = {"region": "eu-west-1"}
    entries = [
        entry("embed: 1e3", 1, model_id=NOVA),
        entry("quick", 2, model_id=HAIKU),
        entry("ranking", 3, model_id=SONNET),
        entry("ranking", 4, model_id=SONNET, **west),
        entry("thinking", 5, model_id=OPUS),
    ]
    far = entry("far", 6, account=OTHER, foreign=True, role_arn=f"arn:aws:iam::{OTHER}:role/Invoke")
    file = tmp_path / "models.yaml"
    file.write_text(litellm([*entries, far]).text, encoding="utf-8")
    # A command that pip installed names its interpreter in its first line.
    python = Path(str(LITELLM)).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!")
    asking = Path(__file__).with_name("asking_litellm.py")
    done = subprocess.run([python, str(asking), str(file)], capture_output=True, text=True, check=True, timeout=110)
    told = json.loads(done.stdout)
    assert [(each["name"], each["arns"]) for each in told] == [
        ("embed: 1e3", [arn(1)]),
        ("quick", [arn(2)]),
        ("ranking", [arn(3), arn(4, **west)]),
        ("thinking", [arn(5)]),
    ]
    for each in told:
        assert any(f"/model/{one}/converse" in each["called"] for one in each["arns"])
        assert each["window"] >= 200_000
        assert each["price"] > 0
        assert each["cost"] == pytest.approx(1000 * each["price"])
