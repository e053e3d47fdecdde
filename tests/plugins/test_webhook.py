"""The webhook plugin, against a server on this machine: what it posts, signs, and says of refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bulkprof.errors import PluginError
from bulkprof.plugins import GiveUpError, OutcomeKind, PolicyRequest, SinceLast, outcome_record
from bulkprof.plugins.registry import Registry
from tests.factories import finished, make_outcomes, run_context
from tests.plugins.conftest import SLACK_SECRET as SECRET
from tests.plugins.conftest import SlackHook, all_text, sink_of

Load = Callable[..., Any]
KEY = "canary-key"
QUIET = finished([])
CHANGED = finished(make_outcomes(2))
FAILED = finished(make_outcomes(2, failed=3))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, hook: SlackHook) -> None:
    monkeypatch.setenv("WEBHOOK_URL", hook.url)
    monkeypatch.setenv("WEBHOOK_SIGNING_KEY", KEY)


def expected(now: int, body: bytes) -> str:
    return hmac.new(KEY.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()


async def test_the_runs_end_is_posted_and_signed(load: Load, hook: SlackHook) -> None:
    sink = sink_of(load("webhook", max_failures=2))
    sink._clock = lambda: 1_772_330_400.9  # type: ignore[attr-defined]
    outcomes = make_outcomes(2, failed=3)
    since = SinceLast("run-0", "2026-02-28T02:00:00Z", 1, 2, 3, {}, first_new=(outcomes[4],))
    run = finished(outcomes, links={"s3": "https://example.com/?a&b"})
    run = replace(run, summary=replace(run.summary, since_last=since, stopped="the deadline"))
    await sink.finish(run)
    ((headers, body),) = hook.received
    message = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    assert headers["Bulkprof-Timestamp"] == "1772330400"
    assert headers["Bulkprof-Signature"] == f"t=1772330400,v1={expected(1772330400, body)}"
    assert headers["Idempotency-Key"] == message["id"]
    assert list(message) == ["version", "id", "event", "run", "summary", "failures", "since_last", "links"]
    assert (message["version"], message["event"]) == (1, "run")
    assert message["run"] == {
        "id": "run-1",
        "command": "apply",
        "estate": "example",
        "started_at": "2026-03-01T02:00:00Z",
    }
    assert message["summary"] == {"without_profile": [], "sandbox": False, **run.summary.as_json()}
    assert message["failures"] == [outcome_record(outcomes[4]), outcome_record(outcomes[2])]
    assert message["since_last"] == {
        "run_id": "run-0",
        "started_at": "2026-02-28T02:00:00Z",
        "new_failures": 1,
        "gone_failures": 2,
        "still_failing": 3,
    }
    assert message["links"] == {"s3": "https://example.com/?a&b"}


@pytest.mark.parametrize(("send", "posted"), [("always", 3), ("change", 2), ("failure", 1)])
async def test_which_runs_are_posted(load: Load, hook: SlackHook, send: str, posted: int) -> None:
    sink = sink_of(load("webhook", send=send))
    for run in (QUIET, CHANGED, FAILED):
        await sink.finish(run)
        # Only the end is wished.
        await sink.deliver(make_outcomes(1))
    assert len(hook.received) == posted


@pytest.mark.parametrize(("send", "names"), [("always", "cub"), ("change", "cb"), ("failure", "b")])
async def test_which_outcomes_of_a_batch_are_posted(load: Load, hook: SlackHook, send: str, names: str) -> None:
    created, bad = make_outcomes(1, failed=1)
    batch = [
        replace(created, name="c"),
        replace(created, name="u", kind=OutcomeKind.UNCHANGED),
        replace(bad, name="b", kind=OutcomeKind.UNKNOWN),
    ]
    sink = sink_of(load("webhook", when="batch", send=send))
    await sink.deliver(batch)
    await sink.finish(FAILED)
    (message,) = hook.messages
    assert list(message) == ["version", "id", "event", "run", "outcomes"]
    assert message["event"] == "batch"
    assert [outcome["name"] for outcome in message["outcomes"]] == list(names)


async def test_a_batch_in_which_nothing_is_wished_is_not_posted(load: Load, hook: SlackHook) -> None:
    await sink_of(load("webhook", when="batch", send="failure")).deliver(make_outcomes(3))
    assert hook.received == []


async def test_the_key_is_that_of_what_is_told(load: Load, hook: SlackHook) -> None:
    ends, batches = sink_of(load("webhook")), sink_of(load("webhook", when="batch"))
    again = replace(CHANGED, summary=replace(CHANGED.summary, elapsed_s=99.0), links={"s3": "https://example.com/"})
    for run in (CHANGED, again, FAILED):
        await ends.finish(run)
    for outcomes in (make_outcomes(2), make_outcomes(2), make_outcomes(3)):
        await batches.deliver(outcomes)
    keys = [headers["Idempotency-Key"] for headers, _ in hook.received]
    assert keys[0] == keys[1]
    assert keys[3] == keys[4]
    assert len(set(keys)) == 4
    assert all(len(key) == 32 for key in keys)


def test_only_batches_have_to_come_again_as_they_were(load: Load) -> None:
    assert not sink_of(load("webhook")).same_batches
    assert sink_of(load("webhook", when="batch")).same_batches


@pytest.mark.parametrize(
    ("status", "gives_up", "said"),
    [
        (302, True, "the webhook answered 302: that is a redirect, which isn't followed"),
        (400, True, "the webhook answered 400: it doesn't take the body"),
        (401, True, "401: it doesn't take the signature, or asks for another one"),
        (403, True, "403: it doesn't take the signature, or the URL was revoked"),
        (404, True, "404: there is nothing at its URL"),
        (405, True, "405: it takes no POST"),
        (410, True, "410: it was revoked"),
        (413, True, "413: the message is too long for it; lower `max_failures`"),
        (415, True, "415: it doesn't take such a body; check `content_type`"),
        (418, True, "the webhook answered 418$"),
        (422, True, "422: it doesn't take the body"),
        (408, False, "the webhook answered 408$"),
        (409, False, "the webhook answered 409$"),
        (429, True, "429: it is busy; try again later, in 3600 s at the earliest"),
        (500, False, "the webhook answered 500$"),
        (503, True, "503: it is busy; try again later, in 3600 s"),
    ],
)
async def test_a_refusal_says_what_to_do_and_tells_no_secret(
    load: Load, hook: SlackHook, status: int, gives_up: bool, said: str
) -> None:
    headers = {"Retry-After": "3600"} if status in (429, 503) else {}
    hook.responses = [web.Response(status=status, text=f"no {hook.url} with {KEY}", headers=headers)]
    with pytest.raises(RuntimeError, match=said) as caught:
        await sink_of(load("webhook")).finish(CHANGED)
    assert isinstance(caught.value, GiveUpError) == gives_up
    assert SECRET not in all_text(caught.value)
    assert KEY not in all_text(caught.value)
    assert len(hook.received) == 1


async def test_a_url_that_is_not_secret_may_be_in_the_config(load: Load, hook: SlackHook) -> None:
    await sink_of(load("webhook", url=hook.url)).finish(CHANGED)
    assert len(hook.received) == 1


async def test_secrets_are_read_from_secrets_manager(load: Load, hook: SlackHook) -> None:
    held = {"the-url": hook.url, "the-key": KEY}

    @asynccontextmanager
    async def client(service: str, *, region: str | None = None, account: str | None = None) -> AsyncIterator[Any]:
        class Manager:
            async def get_secret_value(self, **arguments: str) -> dict[str, str]:
                return {"SecretString": held[arguments["SecretId"]]}

        yield Manager()

    plugin = load("webhook", url_secret="the-url", signing_key_secret="the-key")
    await sink_of(plugin, client).finish(CHANGED)
    ((headers, body),) = hook.received
    assert headers["Bulkprof-Signature"].endswith(expected(int(headers["Bulkprof-Timestamp"]), body))


@pytest.mark.parametrize("variable", ["WEBHOOK_URL", "WEBHOOK_SIGNING_KEY"])
def test_a_run_needs_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv(variable)
    registry = Registry({"webhook": {}}, tmp_path)
    what = "URL" if variable.endswith("URL") else "signing key"
    said = f"plugin 'webhook': bulkprof_sinks: the environment variable {variable} is not set; it must hold the"
    with pytest.raises(PluginError, match=f"{said} webhook's {what}"):
        list(registry.gather("bulkprof_sinks", run_context(None)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": f"http://example.com/{SECRET}"}, "webhook.url: must be an https URL; plain http is for this machine"),
        ({"url": f"https://user:{SECRET}@example.com/"}, "webhook.url: has a password in it: keep the URL in a var"),
        ({"url": "https://example.com/", "url_env": "A"}, "`url`, `url_env` and `url_secret` exclude each other"),
        ({"signing_key_env": "A", "signing_key_secret": "b"}, "`signing_key_env` and `signing_key_secret` exclude"),
        ({"signing_key_env": f"{SECRET}"}, "webhook.signing_key_env: String should match pattern"),
        ({"values_env": {"a": "A"}}, "`values_env` is for a template, and there is none: set `template`"),
        ({"values_secret": {"a": "A"}}, "`values_secret` is for a template, and there is none: set `template`"),
        ({"content_type": "text/plain"}, "`content_type` is for a template, and there is none: set `template`"),
        (
            {"template": "x", "values_env": {"a": "A"}, "values_secret": {"a": "A"}},
            "`values_env` and `values_secret` both have a",
        ),
        ({"when": "always"}, "webhook.when: Input should be 'run' or 'batch'"),
        ({"send": "never"}, "webhook.send: Input should be 'always', 'failure' or 'change'"),
    ],
)
def test_wrong_settings_are_named(load: Load, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError) as caught:
        load("webhook", **settings)
    assert said in str(caught.value)
    assert SECRET not in all_text(caught.value)


def test_reading_its_secrets_is_permitted(load: Load, tmp_path: Path) -> None:
    (tmp_path / "body.j2").write_text("{}")
    secrets = {"url_secret": "hooks/url", "signing_key_secret": "hooks/key", "values_secret": {"a": "hooks/a"}}
    plugin = load("webhook", template="body.j2", **secrets)
    (statement,) = plugin.bulkprof_permissions(PolicyRequest("runner", "aws", "111122223333", changes=True))
    here = "arn:aws:secretsmanager:*:111122223333:secret:hooks"
    assert statement["Resource"] == [f"{here}/{name}-??????" for name in ("url", "key", "a")]
    assert load("webhook").bulkprof_permissions(PolicyRequest("runner", "aws", "*", changes=True)) == []
