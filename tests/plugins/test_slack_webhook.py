"""Posting to Slack: what its answers mean, and no secret in any error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from bulkprof.plugins import GiveUpError
from tests.factories import finished, make_outcomes
from tests.plugins.conftest import SLACK_SECRET as SECRET
from tests.plugins.conftest import SlackHook, all_text, sink_of

Load = Callable[..., Any]
CHANGED = finished(make_outcomes(2))


async def test_a_busy_slack_is_waited_for_as_it_says(load: Load, hook: SlackHook) -> None:
    hook.responses = [web.Response(status=429, headers={"Retry-After": "0"}) for _ in range(2)]
    await sink_of(load("slack")).finish(CHANGED)
    assert len(hook.messages) == 3


@pytest.mark.parametrize(("seconds", "tries"), [("0", 3), ("3600", 1)])
async def test_a_slack_that_stays_busy_is_left_to_a_later_delivery(
    load: Load, hook: SlackHook, seconds: str, tries: int
) -> None:
    hook.responses = [web.Response(status=429, headers={"Retry-After": seconds}) for _ in range(9)]
    with pytest.raises(RuntimeError, match="429: too many messages; try again later"):
        await sink_of(load("slack")).finish(CHANGED)
    assert len(hook.messages) == tries


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (403, "invalid_token", "Slack answered 403 invalid_token: the webhook was revoked"),
        (404, "no_service", "Slack answered 404 no_service: the webhook was revoked"),
        (410, "channel_is_archived", "the webhook"),
        (404, "channel_not_found", "the webhook"),
        (403, "action_prohibited", "the webhook's channel takes no messages; choose another"),
        (404, f"no such page: /services/{SECRET}", "Slack answered 404: the webhook was revoked"),
        (410, SECRET, "Slack answered 410: the webhook was revoked"),
        (404, f"no_service {SECRET}", "Slack answered 404: the webhook was revoked"),
        (400, "invalid_blocks", "Slack answered 400 invalid_blocks"),
        (400, f"bad {SECRET}", "Slack answered 400"),
        (500, f"proxy error at {SECRET}", "Slack answered 500"),
        (302, "", "Slack answered 302"),
    ],
)
async def test_a_refusal_is_clear_and_tells_no_secret(
    load: Load, hook: SlackHook, status: int, text: str, message: str
) -> None:
    hook.responses = [web.Response(status=status, text=text, headers={"Location": hook.url} if status == 302 else {})]
    with pytest.raises(RuntimeError, match=message) as caught:
        await sink_of(load("slack")).finish(CHANGED)
    assert SECRET not in all_text(caught.value)
    assert len(hook.messages) == 1


@pytest.mark.parametrize(
    ("status", "retry_after", "gives_up"), [(400, "", True), (429, "3600", True), (500, "", False)]
)
async def test_what_slack_refuses_is_not_sent_again(
    load: Load, hook: SlackHook, status: int, retry_after: str, gives_up: bool
) -> None:
    hook.responses = [web.Response(status=status, headers={"Retry-After": retry_after})]
    with pytest.raises(RuntimeError) as caught:
        await sink_of(load("slack")).finish(CHANGED)
    assert isinstance(caught.value, GiveUpError) == gives_up
