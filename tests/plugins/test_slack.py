"""The Slack plugin, against a webhook on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from bulkprof_slack.message import build_message, duration

from bulkprof.errors import PluginError
from bulkprof.model import Target
from bulkprof.plugins import FinishedRun, OutcomeKind, SinceLast
from bulkprof.plugins.registry import Registry
from bulkprof.totals import LostProfile
from tests.factories import finished, make_outcomes, run_context
from tests.plugins.conftest import SLACK_SECRET as SECRET
from tests.plugins.conftest import SlackHook, all_text, sink_of

Load = Callable[..., Any]
QUIET = finished([])
LOST = (LostProfile(Target("111122223333", "us-east-1"), "a", "arn:gone", "run-0"),)
CHANGED = finished(make_outcomes(2))
FAILED = finished(make_outcomes(2, failed=3))


async def test_one_message_tells_counts_failures_and_reports(load: Load, hook: SlackHook) -> None:
    run = replace(FAILED, links={"s3": "s3://example-reports/run-1/results.csv", "web": "https://example.com/?a&b"})
    await sink_of(load("slack", max_failures=2)).finish(run)
    (message,) = hook.messages
    texts = [block["text"]["text"] for block in message["blocks"]]
    assert message["text"] == "bulkprof apply of example: exit 3 (2 created, 3 failed)"
    assert texts[0] == ":x: *bulkprof apply of example: exit 3*\n2 created, 3 failed in 1 min 15 s"
    where = "teams.csv:4 bad-1 in 111122223333/us-east-1"
    assert texts[1].splitlines() == [
        "*First failures*",
        f"• failed {where}: ValidationException: &lt;model&gt; &amp; name don't fit",
        f"• failed {where.replace('4', '5', 1).replace('bad-1', 'bad-2')}: "
        "ValidationException: &lt;model&gt; &amp; name don't fit",
    ]
    assert "`s3://example-reports/run-1/results.csv`" in texts[2]
    assert "<https://example.com/?a&amp;b|Report in web>" in texts[2]


def test_the_sandbox_is_named() -> None:
    message = build_message(run_context(None), replace(QUIET.summary, sandbox=True), [], {})
    assert message["text"].startswith("bulkprof apply of example in the sandbox: done")


async def test_what_is_new_comes_first(load: Load, hook: SlackHook) -> None:
    outcomes = make_outcomes(1, failed=4)
    since = SinceLast("run-0", "2026-02-28T02:00:00Z", 1, 2, 3, {}, first_new=(outcomes[3],))
    run = finished(outcomes)
    run = replace(run, summary=replace(run.summary, since_last=since, stopped="the deadline (06:00) is reached"))
    await sink_of(load("slack", max_failures=3)).finish(run)
    (message,) = hook.messages
    texts = [block["text"]["text"] for block in message["blocks"]]
    assert texts[0].splitlines()[2:] == [
        "stopped: the deadline (06:00) is reached",
        "failures since run run-0: 1 new, 2 gone, 3 as before",
    ]
    shown = texts[1].splitlines()[1:]
    assert [next(name for name in ("bad-1", "bad-2", "bad-3", "bad-4") if name in line) for line in shown] == [
        "bad-3",
        "bad-1",
        "bad-2",
    ]
    assert [line.endswith(" *(new)*") for line in shown] == [True, False, False]


@pytest.mark.parametrize(
    ("when", "run", "posted"),
    [
        ("always", QUIET, True),
        ("change", QUIET, False),
        ("change", CHANGED, True),
        ("change", FAILED, True),
        ("failure", CHANGED, False),
        ("failure", FAILED, True),
        ("failure", replace(QUIET, summary=replace(QUIET.summary, exit_code=130)), True),
        ("failure", replace(QUIET, summary=replace(QUIET.summary, lost=LOST)), True),
    ],
)
async def test_when(load: Load, hook: SlackHook, when: str, run: FinishedRun, posted: bool) -> None:
    await sink_of(load("slack", when=when)).finish(run)
    assert len(hook.messages) == posted


def test_a_quiet_run_says_so() -> None:
    message = build_message(run_context(None), replace(QUIET.summary, invalid=2), [], {})
    assert message["blocks"][0]["text"]["text"].splitlines() == [
        ":white_check_mark: *bulkprof apply of example: done*",
        "nothing to do in 1 min 15 s",
        "2 invalid rows were left out",
    ]


def test_a_message_stays_within_what_slack_takes() -> None:
    outcomes = [replace(outcome, error_message="&" * 1000) for outcome in make_outcomes(0, failed=20)]
    message = build_message(run_context(None), FAILED.summary, outcomes, {})
    text = message["blocks"][1]["text"]["text"]
    assert 1000 < len(text) < 3000
    assert text.endswith("&amp;...")


@pytest.mark.parametrize(("seconds", "text"), [(9.14, "9.1 s"), (60, "1 min 0 s"), (7321, "2 h 2 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_unset_variable_stops_no_validation_but_the_sink(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    plugin = load("slack")
    with pytest.raises(ValueError, match="the environment variable SLACK_WEBHOOK_URL is not set"):
        plugin.bulkprof_sinks(run_context(None))


def test_the_registry_names_the_plugin_whose_webhook_is_unset(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    registry = Registry({"slack": {"webhook_env": "HOOK"}}, tmp_path)
    with pytest.raises(PluginError, match="plugin 'slack': bulkprof_sinks: the environment variable HOOK is not set"):
        list(registry.gather("bulkprof_sinks", run_context(None)))


@pytest.mark.parametrize("text", [f"http://example.com/{SECRET}", SECRET, f"https:///{SECRET}"])
def test_only_a_safe_url_will_do_and_a_wrong_one_is_not_shown(
    load: Load, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", text)
    with pytest.raises(ValueError, match="the environment variable HOOK must hold an https URL") as caught:
        sink_of(load("slack", webhook_env="HOOK"))
    assert SECRET not in all_text(caught.value)


class DeniedError(Exception):
    """Shaped like botocore's ClientError."""

    def __init__(self) -> None:
        super().__init__("denied")
        self.response = {"Error": {"Code": "AccessDeniedException"}}


def secrets(answer: Any, regions: list[str | None]) -> Any:
    class Client:
        async def get_secret_value(self, **arguments: str) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return {"SecretString": answer}

    @asynccontextmanager
    async def client(service: str, *, region: str | None = None) -> AsyncIterator[Client]:
        assert service == "secretsmanager"
        regions.append(region)
        yield Client()

    return client


@pytest.mark.parametrize(
    ("secret", "region"),
    [
        ("slack/webhook", None),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:slack-AbCdEf", "eu-west-1"),
    ],
)
async def test_the_webhook_may_be_a_secret(load: Load, hook: SlackHook, secret: str, region: str | None) -> None:
    regions: list[str | None] = []
    await sink_of(load("slack", webhook_secret=secret), secrets(f"{hook.url}\n", regions)).finish(CHANGED)
    assert regions == [region]
    assert len(hook.messages) == 1


async def test_a_secret_is_not_read_for_a_message_that_is_not_sent(load: Load) -> None:
    regions: list[str | None] = []
    await sink_of(load("slack", webhook_secret="s", when="failure"), secrets("", regions)).finish(CHANGED)
    assert regions == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (DeniedError(), "the secret slack/webhook with the Slack webhook's URL can't be read: AccessDeniedException"),
        (f'{{"url": "https://example.com/{SECRET}"}}', "the secret slack/webhook must hold an https URL"),
    ],
)
async def test_a_secret_that_is_none_is_named(load: Load, answer: Any, message: str) -> None:
    sink = sink_of(load("slack", webhook_secret="slack/webhook"), secrets(answer, []))
    with pytest.raises((RuntimeError, ValueError), match=message) as caught:
        await sink.finish(CHANGED)
    assert SECRET not in all_text(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"webhook_env": "A", "webhook_secret": "b"}, "plugins.slack: `webhook_env` and `webhook_secret` exclude"),
        ({"webhook_env": f"https://example.com/{SECRET}"}, "plugins.slack.webhook_env: String should match pattern"),
        ({"when": "never"}, "plugins.slack.when: Input should be 'always', 'failure' or 'change'"),
    ],
)
def test_wrong_settings_are_named(load: Load, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)) as caught:
        load("slack", **settings)
    assert SECRET not in all_text(caught.value)


async def test_skipped_and_unknown_rows_are_shown_too(load: Load, hook: SlackHook) -> None:
    outcomes = [
        replace(outcome, kind=kind)
        for outcome, kind in zip(make_outcomes(0, failed=2), (OutcomeKind.SKIPPED, OutcomeKind.UNKNOWN), strict=True)
    ]
    await sink_of(load("slack", when="failure")).finish(finished(outcomes))
    shown = json.dumps(hook.messages)
    assert "skipped teams.csv:2" in shown
    assert "unknown teams.csv:3" in shown
