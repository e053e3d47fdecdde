"""What is posted: the run's end or a batch of outcomes, as JSON-ready values. Pure.

A template sees the same values by the same names. `docs/webhook.md` describes them: add to them, rename nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bulkprof.plugins import Outcome, RunContext, RunSummary, SinceLast, TellWhen, outcome_record

Message = Mapping[str, Any]
VERSION = 1


def about(context: RunContext) -> dict[str, str]:
    """Return what each message of a run says of it."""
    return {
        "id": context.run_id,
        "command": context.command,
        "estate": context.estate,
        "started_at": context.started_at,
    }


def run_message(
    sink: str, run: Mapping[str, str], summary: RunSummary, failures: Sequence[Outcome], links: Mapping[str, str]
) -> Message:
    """Return the message of a run's end; `run` is what `about` returns.

    Its id is the same for each delivery of the same end; a stopped run that goes on has another end.
    """
    # Every key is always there, as a template needs it.
    told = {"stopped": summary.stopped, "without_profile": [], "sandbox": summary.sandbox, **summary.as_json()}
    end = [told[key] for key in ("outcomes", "invalid", "exit_code", "stopped")]
    return {
        **_head(sink, run, "run", end),
        "summary": told,
        "failures": [outcome_record(outcome) for outcome in failures],
        "since_last": _since(summary.since_last),
        "links": dict(links),
    }


def batch_message(sink: str, run: Mapping[str, str], outcomes: Sequence[Outcome]) -> Message:
    """Return the message of a batch of outcomes. Its id is the same for each delivery of the same outcomes."""
    rows = [(outcome.action_id, outcome.kind, outcome.arn) for outcome in outcomes]
    return {**_head(sink, run, "batch", rows), "outcomes": [outcome_record(outcome) for outcome in outcomes]}


def is_sent(send: TellWhen, outcome: Outcome) -> bool:
    """Return whether an outcome is one of those that `send` asks for."""
    if send == "always" or outcome.kind.needs_attention:
        return True
    return send == "change" and outcome.kind.is_change


def _head(sink: str, run: Mapping[str, str], event: Literal["run", "batch"], content: object) -> dict[str, Any]:
    what = json.dumps([sink, run["id"], event, content], sort_keys=True).encode()
    return {"version": VERSION, "id": hashlib.sha256(what).hexdigest()[:32], "event": event, "run": dict(run)}


def _since(last: SinceLast | None) -> Message | None:
    if last is None:
        return None
    return {
        "run_id": last.run_id,
        "started_at": last.started_at,
        "new_failures": last.new_failures,
        "gone_failures": last.gone_failures,
        "still_failing": last.still_failing,
    }
