"""The ways in for AWS Lambda. An invocation of `handler` is a run, of manifests in the function's package or in S3.

The function's environment says what is run, so that a caller can't point it elsewhere:

| variable | |
|---|---|
| `BULKPROF_SOURCE` | where config and manifests are: `s3://bucket/prefix/` or a folder (default: the package) |
| `BULKPROF_CONFIG` | the config file, seen from there (default: `bulkprof.toml`) |
| `BULKPROF_MANIFESTS` | the manifests, as patterns seen from there, separated by blanks (default: `manifests/*`) |
| `BULKPROF_STATE_DIR` | the state directory (default: `bulkprof` in the temporary folder, `/tmp` on Lambda) |
| `BULKPROF_SHARES` | for `shard`, `share` and `merge`: plans and their shares are below this `s3://bucket/prefix/` |

The event says how: see `Event`. An empty one is a `sync` that deletes nothing.

Where all is done, the handler returns the run's summary. Else it raises, for that is what makes an invocation count as
failed, with its alarm and its dead-letter queue: `RunFailedError` with the summary in it when rows failed or time ran
out, and any other `BulkprofError` when the run could not start.

Between invocations nothing lives but the state directory, and that only as long as Lambda keeps it; so what keeps two
runs apart is `[lock] s3` in the config, or a reserved concurrency of 1, and `[state] s3` is where they leave what later
ones need.

A run that takes longer than a function may is shared out: `shard` plans and cuts, `share` carries one share out,
`merge` brings all of them home. `samples/fleet/` has a state machine of AWS Step Functions that invokes them.
"""

from bulkprof.lambda_handler.events import Context, Event, RunFailedError
from bulkprof.lambda_handler.runs import KEPT_RUNS, WRAP_UP_S, handler
from bulkprof.lambda_handler.shares import (
    MergeEvent,
    ShardEvent,
    ShareEvent,
    ShareUnfinishedError,
    merge,
    shard,
    share,
)

__all__ = [
    "KEPT_RUNS",
    "WRAP_UP_S",
    "Context",
    "Event",
    "MergeEvent",
    "RunFailedError",
    "ShardEvent",
    "ShareEvent",
    "ShareUnfinishedError",
    "handler",
    "merge",
    "shard",
    "share",
]
