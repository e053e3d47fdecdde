"""The text of the message, in Slack's markup. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bulkprof.plugins import Outcome, RunContext, RunSummary, printable

_SECTION_LENGTH = 2900
"""Slack refuses sections over 3,000 characters."""


def build_message(
    run: RunContext, summary: RunSummary, failures: Sequence[Outcome], links: Mapping[str, str]
) -> dict[str, Any]:
    """Return the webhook's body: a heading with the counts, the first failures, and the reports' links."""
    good = summary.exit_code == 0
    icon = ":white_check_mark:" if good else ":x:"
    where = " in the sandbox" if summary.sandbox else ""
    title = f"bulkprof {run.command} of {run.estate}{where}: {'done' if good else f'exit {summary.exit_code}'}"
    counts = ", ".join(f"{count} {kind}" for kind, count in summary.as_json()["outcomes"].items() if count)
    lines = [
        f"{icon} *{escape(title)}*",
        f"{escape(counts) or 'nothing to do'} in {duration(summary.elapsed_s)}",
    ]
    if summary.invalid:
        lines.append(f"{summary.invalid} invalid rows were left out")
    if summary.stopped:
        lines.append(f"stopped: {escape(summary.stopped)}")
    if summary.since_last and summary.since_last.has_news:
        lines.append(escape(str(summary.since_last)))
    sections = ["\n".join(lines)]
    if failures:
        new = {outcome.action_id for outcome in summary.since_last.first_new} if summary.since_last else set()
        marked = [f"{_failure(each)}{' *(new)*' if each.action_id in new else ''}" for each in failures]
        sections.append(_fitting(["*First failures*", *marked]))
    if summary.lost:
        sections.append(
            _fitting(["*Without a profile until applied again*", *(f"• {escape(str(e))}" for e in summary.lost)])
        )
    if links:
        sections.append("\n".join(_link(name, url) for name, url in links.items()))
    sections.append(f"run `{escape(run.run_id)}`, started {escape(run.started_at)}")
    return {
        # Shown in notifications, where blocks are not.
        "text": escape(f"{title} ({counts or 'nothing to do'})"),
        "blocks": [{"type": "section", "text": _mrkdwn(text)} for text in sections],
    }


def escape(text: str) -> str:
    """Return `text` so that Slack shows it as it is, without mentions. Backticks become quotes: they have no escape."""
    return printable(text).replace("`", "'").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: else Slack makes links of addresses, and mentions of names.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def duration(seconds: float) -> str:
    """Return `75.4` as `1 min 15 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _fitting(lines: Sequence[str]) -> str:
    """Return as many whole lines as Slack takes: a cut line could end inside `&amp;`."""
    while len(text := "\n".join(lines)) > _SECTION_LENGTH:
        lines = lines[:-1]
    return text


def _failure(outcome: Outcome) -> str:
    place = f"{outcome.file}:{outcome.line} " if outcome.file else ""
    message = outcome.error_message if len(outcome.error_message) <= 300 else outcome.error_message[:297] + "..."
    reason = ": ".join(part for part in (outcome.error_code, message) if part)
    return f"• {outcome.kind} {escape(f'{place}{outcome.name} in {outcome.target}: {reason}')}"


def _link(name: str, url: str) -> str:
    # Only web addresses can be clicked; an s3:// one is for copying.
    if url.startswith("https://"):
        return f"<{escape(url)}|Report in {escape(name)}>"
    return f"Report in {escape(name)}: `{escape(url)}`"
