"""How far a run came, and what that means for the next command."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """How far a run came."""

    INTAKE = "intake"
    """Its manifests are read."""
    PLANNING = "planning"
    PLANNED = "planned"
    """It is a plan that is kept, and not carried out."""
    DECLINED = "declined"
    """Its plan was shown, and not agreed to."""
    REFUSED = "refused"
    """It ended with an error before anything was changed."""
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    KILLED = "killed"
    """It ended without a chance to say so. No run file says this: it is found out when the run is shown."""


NOTHING_SENT = frozenset({RunStatus.INTAKE, RunStatus.PLANNING})
"""A run of these hasn't changed anything yet."""
AT_WORK = NOTHING_SENT | {RunStatus.RUNNING}
"""What the file of a run says while a process is at work on it."""
UNFINISHED = AT_WORK | {RunStatus.INTERRUPTED}
"""`resume` goes on with runs of these."""
CARRIED_OUT = frozenset({RunStatus.RUNNING, RunStatus.INTERRUPTED, RunStatus.FINISHED})
"""A run of these changed something, or could have."""
UNAPPROVED = frozenset({RunStatus.PLANNED, RunStatus.DECLINED})
"""The plan of a run of these was shown, and not agreed to."""
