"""The sink: posts a message at the end of a run, if the settings ask for one."""

from __future__ import annotations

from typing import Literal

from bulkprof.plugins import FinishedRun, Outcome, OutcomeKind, RunContext, RunSummary, Sink
from bulkprof_slack.message import build_message
from bulkprof_slack.webhook import Webhook, post

BAD = tuple(kind for kind in OutcomeKind if kind.needs_attention)
"""Outcomes of rows that are not in order."""


class SlackSink(Sink):
    """Posts one message a run."""

    def __init__(
        self,
        *,
        name: str,
        run: RunContext,
        webhook: Webhook,
        when: Literal["always", "failure", "change"],
        max_failures: int,
        timeout_s: float,
    ) -> None:
        self.name = name
        self._run = run
        self._webhook = webhook
        self._when = when
        self._max_failures = max_failures
        self._timeout_s = timeout_s

    async def finish(self, run: FinishedRun) -> None:
        """Post the message, where `when` asks for one. Raises `WebhookError`."""
        if not _is_wanted(self._when, run.summary):
            return
        failures = await self._first_failures(run)
        message = build_message(self._run, run.summary, failures, run.links)
        await post(await self._webhook(), message, timeout_s=self._timeout_s)

    async def _first_failures(self, run: FinishedRun) -> list[Outcome]:
        """Return the first failures; those that the last run didn't have come first, as the others are known."""
        found = {outcome.action_id: outcome for outcome in _new(run.summary)}
        expected = min(self._max_failures, sum(run.summary.outcomes.get(kind, 0) for kind in BAD))
        if len(found) < expected:
            async for batch in run.outcomes():
                found |= {each.action_id: each for each in batch if each.kind in BAD and each.action_id not in found}
                if len(found) >= expected:
                    break
        return list(found.values())[: self._max_failures]


def _new(summary: RunSummary) -> tuple[Outcome, ...]:
    return summary.since_last.first_new if summary.since_last else ()


def _is_wanted(when: str, summary: RunSummary) -> bool:
    if when == "always":
        return True
    failed = summary.exit_code != 0 or any(summary.outcomes.get(kind, 0) for kind in BAD) or bool(summary.lost)
    return failed or (when == "change" and summary.changed > 0)
