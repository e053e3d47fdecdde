"""The sink: posts the run's end, or each batch of its outcomes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from bulkprof.plugins import (
    FinishedRun,
    GiveUpError,
    HttpAnswer,
    HttpError,
    Outcome,
    RunContext,
    SecretValue,
    Sink,
    first_failures,
    http_post,
    is_news,
)
from bulkprof_webhook.message import Message, about, batch_message, is_sent, run_message
from bulkprof_webhook.settings import WebhookSettings
from bulkprof_webhook.signing import signature_headers
from bulkprof_webhook.template import BodyTemplate


class RefusedError(GiveUpError):
    """The server refused what was posted: it would refuse it again, or asks to be asked later."""


class WebhookSink(Sink):
    """Posts one message for a run, or one for each batch."""

    def __init__(
        self,
        *,
        name: str,
        run: RunContext,
        url: SecretValue,
        key: SecretValue | None,
        values: Mapping[str, SecretValue],
        template: BodyTemplate | None,
        settings: WebhookSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`key` signs, where it isn't None; `clock` gives epoch seconds."""
        self.name = name
        self.same_batches = settings.when == "batch"
        self._about = about(run)
        self._url = url
        self._key = key
        self._values = values
        self._template = template
        self._settings = settings
        self._clock = clock

    async def deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Post a batch, where batches are wished. Raises as `finish` does."""
        if self._settings.when == "batch":
            chosen = [outcome for outcome in outcomes if is_sent(self._settings.send, outcome)]
            if chosen:
                await self._post(batch_message(self.name, self._about, chosen))

    async def finish(self, run: FinishedRun) -> None:
        """Post the run's end, where that is wished.

        Raises `HttpError` for what another try may mend, and a `GiveUpError` for what it doesn't.
        """
        if self._settings.when == "run" and is_news(self._settings.send, run.summary):
            failures = await first_failures(run, self._settings.max_failures)
            await self._post(run_message(self.name, self._about, run.summary, failures, run.links))

    async def _post(self, message: Message) -> None:
        body = json.dumps(message).encode()
        if self._template:
            values = {name: (await value()).get_secret_value() for name, value in self._values.items()}
            body = self._template.render(message, values)
        headers = {"Content-Type": self._settings.content_type, "Idempotency-Key": message["id"]}
        if self._key:
            headers |= signature_headers(await self._key(), body, int(self._clock()))
        answer = await http_post(
            await self._url(), body, server="the webhook", timeout_s=self._settings.timeout_s, headers=headers
        )
        if not answer.ok:
            raise _refusal(answer)


def _refusal(answer: HttpAnswer) -> HttpError | RefusedError:
    """Return the answer as an error. Nothing of its text is shown: it may repeat the URL."""
    said = f"the webhook answered {answer.status}"
    if answer.is_busy:
        return RefusedError(f"{said}: it is busy; try again later, in {answer.wait_s:.0f} s at the earliest")
    if not answer.is_final:
        return HttpError(said)
    advice = _ADVICE.get(answer.status, "")
    if answer.status < 400:
        advice = "that is a redirect, which isn't followed; set the URL that it leads to"
    return RefusedError(f"{said}: {advice}" if advice else said)


_ADVICE = {
    400: "it doesn't take the body; check the template, or what the server expects",
    401: "it doesn't take the signature, or asks for another one; check the signing key on both sides, and the URL",
    403: "it doesn't take the signature, or the URL was revoked; check the signing key on both sides, and the URL",
    404: "there is nothing at its URL; check the URL",
    405: "it takes no POST at its URL; check the URL",
    410: "it was revoked; make a new one and set its URL",
    413: "the message is too long for it; lower `max_failures`, or write less in a template",
    415: "it doesn't take such a body; check `content_type`",
    422: "it doesn't take the body; check the template, or what the server expects",
}
