"""Amazon Bedrock application inference profiles in bulk.

The use cases as coroutines, and what they take and return. Everything else is not public, except the errors in
`bulkprof.errors`, the plugin API in `bulkprof.plugins` and the handlers in `bulkprof.lambda_handler`.
"""

from __future__ import annotations

from bulkprof._version import __version__

# As type checkers read it. `typing` itself takes longer to import than all else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bulkprof.errors import BulkprofError, ExitCode
    from bulkprof.model import Action, ActionKind, Outcome, OutcomeKind, Problem, Target
    from bulkprof.stop import Stop
    from bulkprof.totals import Plan, RunSummary
    from bulkprof.ui import Ui
    from bulkprof.workflows.apply import apply, sync
    from bulkprof.workflows.config import load_config
    from bulkprof.workflows.disown import disown
    from bulkprof.workflows.export import Export, export
    from bulkprof.workflows.fleet.merge import merge
    from bulkprof.workflows.fleet.shard import ShareIndex, shard
    from bulkprof.workflows.history.outcomes import outcomes
    from bulkprof.workflows.history.report import RunReport, report
    from bulkprof.workflows.history.runs import RunInfo, runs
    from bulkprof.workflows.options import Options
    from bulkprof.workflows.plan import plan
    from bulkprof.workflows.redeliver import redeliver
    from bulkprof.workflows.resume import resume
    from bulkprof.workflows.validate import Validation, validate

__all__ = [
    "Action",
    "ActionKind",
    "BulkprofError",
    "ExitCode",
    "Export",
    "Options",
    "Outcome",
    "OutcomeKind",
    "Plan",
    "Problem",
    "RunInfo",
    "RunReport",
    "RunSummary",
    "ShareIndex",
    "Stop",
    "Target",
    "Ui",
    "Validation",
    "__version__",
    "apply",
    "disown",
    "export",
    "load_config",
    "merge",
    "outcomes",
    "plan",
    "redeliver",
    "report",
    "resume",
    "runs",
    "shard",
    "sync",
    "validate",
]

_HOMES = {
    "apply": "bulkprof.workflows.apply:apply",
    "disown": "bulkprof.workflows.disown:disown",
    "merge": "bulkprof.workflows.fleet.merge:merge",
    "outcomes": "bulkprof.workflows.history.outcomes:outcomes",
    "plan": "bulkprof.workflows.plan:plan",
    "redeliver": "bulkprof.workflows.redeliver:redeliver",
    "report": "bulkprof.workflows.history.report:report",
    "runs": "bulkprof.workflows.history.runs:runs",
    "resume": "bulkprof.workflows.resume:resume",
    "shard": "bulkprof.workflows.fleet.shard:shard",
    "ShareIndex": "bulkprof.workflows.fleet.shard:ShareIndex",
    "sync": "bulkprof.workflows.apply:sync",
    "BulkprofError": "bulkprof.errors:BulkprofError",
    "ExitCode": "bulkprof.errors:ExitCode",
    "Export": "bulkprof.workflows.export:Export",
    "Options": "bulkprof.workflows.options:Options",
    "RunInfo": "bulkprof.workflows.history.runs:RunInfo",
    "RunReport": "bulkprof.workflows.history.report:RunReport",
    "RunSummary": "bulkprof.totals:RunSummary",
    "Plan": "bulkprof.totals:Plan",
    "Stop": "bulkprof.stop:Stop",
    "Ui": "bulkprof.ui:Ui",
    "export": "bulkprof.workflows.export:export",
    "Validation": "bulkprof.workflows.validate:Validation",
    "load_config": "bulkprof.workflows.config:load_config",
    "validate": "bulkprof.workflows.validate:validate",
    **{
        name: f"bulkprof.model:{name}"
        for name in ("Action", "ActionKind", "Outcome", "OutcomeKind", "Problem", "Target")
    },
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import bulkprof` and `--help` stay instant."""
    if name not in __all__:
        raise AttributeError(f"module 'bulkprof' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute)
