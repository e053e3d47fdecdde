"""The sink: posts a message at the end of a run, if the settings ask for one."""

from __future__ import annotations

import json

from bulkprof.plugins import FinishedRun, RunContext, SecretValue, Sink, TellWhen, first_failures, http_post, is_news
from bulkprof_slack.message import build_message
from bulkprof_slack.refusals import refusal


class SlackSink(Sink):
    """Posts one message a run."""

    def __init__(
        self,
        *,
        name: str,
        run: RunContext,
        webhook: SecretValue,
        when: TellWhen,
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
        """Post the message, where `when` asks for one. Raises `HttpError`, or `RefusedError`."""
        if not is_news(self._when, run.summary):
            return
        failures = await first_failures(run, self._max_failures)
        message = json.dumps(build_message(self._run, run.summary, failures, run.links))
        answer = await http_post(await self._webhook(), message.encode(), server="Slack", timeout_s=self._timeout_s)
        if answer.status != 200:
            raise refusal(answer)
