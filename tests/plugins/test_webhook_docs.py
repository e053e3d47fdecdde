"""The page on webhooks tells the truth: its settings load, its verifier verifies, its tables are whole."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bulkprof_webhook import WebhookSettings
from bulkprof_webhook.samples import samples

from bulkprof.plugins.registry import Registry
from tests.factories import finished, make_outcomes
from tests.plugins.conftest import SlackHook, sink_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "webhook.md").read_text(encoding="utf-8")
CONFIGS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
KEY = "6d7e"


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The verifier, as it stands on the page."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(code, "docs/webhook.md", "exec"), namespace)
    found: Callable[..., bool] = namespace["is_genuine"]
    return found


async def test_the_verifier_verifies(
    is_genuine: Callable[..., bool], hook: SlackHook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", hook.url)
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", KEY)
    plugin: Any = Registry({"webhook": {}}, tmp_path).objects["webhook"]
    await sink_of(plugin).finish(finished(make_outcomes(1, failed=1)))
    ((headers, body),) = hook.received
    assert is_genuine(headers, body, KEY)
    assert not is_genuine(headers, body, "another")
    assert not is_genuine(headers, body.replace(b"bad-1", b"bad-2"), KEY)
    assert not is_genuine(headers, body, KEY, most_s=-1)
    assert not is_genuine({}, body, KEY)
    assert not is_genuine({"Bulkprof-Signature": "v1=é,t"}, body, KEY)


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_settings_on_the_page_load(number: int, tmp_path: Path) -> None:
    for sample in (ROOT / "samples" / "webhook").iterdir():
        (tmp_path / sample.name).write_bytes(sample.read_bytes())
    (tmp_path / "pager.py").write_text("from bulkprof_webhook import Plugin\n")
    tables = tomllib.loads(CONFIGS[number])["plugins"]
    assert list(Registry(tables, tmp_path).objects) == list(tables)


def test_every_setting_is_on_the_page() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(WebhookSettings.model_fields) == set(listed)


def test_the_message_on_the_page_has_the_keys_of_real_ones() -> None:
    (text,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown, real = json.loads(text), list(samples("run"))[1]
    assert list(shown) == list(real)
    assert list(shown["run"]) == list(real["run"])
    assert list(shown["since_last"]) == list(real["since_last"])
    assert set(shown["summary"]) < set(real["summary"])
    assert set(shown["failures"][0]) < set(real["failures"][0])
