"""The names of all that is sent; `docs/telemetry.md` says what each means, and a test holds the two together.

Where OpenTelemetry has a name for something, that one is used.
"""

from __future__ import annotations

from typing import Final

RPC_SYSTEM: Final = "rpc.system"
RPC_SERVICE: Final = "rpc.service"
RPC_METHOD: Final = "rpc.method"
ACCOUNT: Final = "cloud.account.id"
REGION: Final = "cloud.region"
REQUEST_ID: Final = "aws.request_id"
ERROR_TYPE: Final = "error.type"
ATTEMPT: Final = "bulkprof.attempt"
THROTTLED: Final = "bulkprof.throttled"
WAIT_S: Final = "bulkprof.wait_s"
STEP: Final = "bulkprof.step"
RUN_ID: Final = "bulkprof.run_id"
COMMAND: Final = "bulkprof.command"
ESTATE: Final = "bulkprof.estate"
SANDBOX: Final = "bulkprof.sandbox"
EXIT_CODE: Final = "bulkprof.exit_code"
OUTCOME: Final = "bulkprof.outcome"
OUTCOMES: Final = "bulkprof.outcomes."
"""The beginning of attributes; the kind of outcome follows."""

OF_RUNS: Final = (RUN_ID, COMMAND, ESTATE, SANDBOX, EXIT_CODE, f"{OUTCOMES}KIND", ERROR_TYPE)
OF_TARGETS: Final = (ACCOUNT, REGION, STEP, ERROR_TYPE)
OF_CALLS: Final = (
    RPC_SYSTEM,
    RPC_SERVICE,
    RPC_METHOD,
    ACCOUNT,
    REGION,
    REQUEST_ID,
    ATTEMPT,
    THROTTLED,
    WAIT_S,
    ERROR_TYPE,
)
"""The attributes of spans."""

CALLS: Final = "bulkprof.calls"
THROTTLES: Final = "bulkprof.throttles"
FAILURES: Final = "bulkprof.failures"
WAIT: Final = "bulkprof.call.wait"
RATE: Final = "bulkprof.learned_rate"
ENDED: Final = "bulkprof.outcomes"

_OF_OPERATION: Final = (RPC_SYSTEM, RPC_SERVICE, RPC_METHOD, ACCOUNT, REGION)
METRICS: Final = {
    CALLS: ("{call}", _OF_OPERATION, "Calls sent to AWS, each attempt by itself"),
    THROTTLES: ("{call}", _OF_OPERATION, "Calls that AWS throttled"),
    FAILURES: ("{call}", _OF_OPERATION, "Calls that failed, other than by a throttle"),
    WAIT: ("s", _OF_OPERATION, "How long calls waited before they were sent"),
    RATE: ("{call}/s", _OF_OPERATION, "Calls a second that a target is known to take"),
    ENDED: ("{profile}", (OUTCOME, ACCOUNT, REGION), "Profiles that have their outcome"),
}
"""The unit, the attributes and the meaning of each metric."""
