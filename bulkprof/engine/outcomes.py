"""From an action to the outcome that is recorded of it."""

from __future__ import annotations

from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind


def closed_outcome(
    action: Action,
    kind: OutcomeKind,
    code: str = "",
    message: str = "",
    *,
    arn: str | None = None,
    attempts: int = 0,
) -> Outcome:
    """The outcome of an action, by default one that no call was made for; `arn` where it isn't the action's own."""
    return Outcome(
        action_id=action.id,
        target=action.target,
        name=action.name,
        kind=kind,
        file=action.file,
        line=action.line,
        arn=action.arn if arn is None else arn,
        model=action.model,
        tags=action.tags,
        attempts=attempts,
        error_code=code,
        error_message=message,
    )


def without_call(action: Action) -> Outcome | None:
    """The outcome of an action that needs no call, None for the others."""
    if action.refusal is not None:
        return closed_outcome(action, action.refusal.outcome, action.refusal.code, action.refusal.message)
    return closed_outcome(action, OutcomeKind.UNCHANGED) if action.kind is ActionKind.NONE else None
