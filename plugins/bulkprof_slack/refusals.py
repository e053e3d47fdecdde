"""What Slack's refusals mean, and what to do."""

from __future__ import annotations

import re

from bulkprof.plugins import GiveUpError, HttpAnswer, HttpError

_WORD = re.compile(r"[a-z]{2,20}(?:_[a-z]{2,20}){1,5}")
_GONE = frozenset({"invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "no_active_hooks"})
_CHANNEL = frozenset(
    {"channel_not_found", "channel_is_archived", "action_prohibited", "posting_to_general_channel_denied"}
)


class RefusedError(GiveUpError):
    """Slack refused the message: sending it again would fail again, or be sooner than Slack asks for."""


def refusal(answer: HttpAnswer) -> HttpError | RefusedError:
    """Return an answer that isn't 200 as an error. Its text never holds the webhook's URL."""
    said = _said(answer)
    return HttpError(said) if answer.status >= 500 and not answer.is_busy else RefusedError(said)


def _said(answer: HttpAnswer) -> str:
    # Only Slack's own codes are shown: any other text may come from a proxy, and repeat the URL.
    status, text = answer.status, answer.text
    if text in _CHANNEL:
        return f"Slack answered {status} {text}: the webhook's channel takes no messages; choose another"
    if text in _GONE or status in (404, 410):
        said = f"{status} {text}" if text in _GONE else str(status)
        return f"Slack answered {said}: the webhook was revoked; make a new one and set its URL"
    if status == 429:
        return f"Slack answered 429: too many messages; try again later, in {answer.wait_s:.0f} s at the earliest"
    # Slack's own errors are words such as invalid_blocks; no part of a webhook's secret URL looks like that.
    return f"Slack answered {status}{f' {text}' if _WORD.fullmatch(text) else ''}"
