"""The names of what is sent; `docs/telemetry.md` says what each means, and a test holds the two together.

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

CALLS: Final = "bulkprof.calls"
THROTTLES: Final = "bulkprof.throttles"
FAILURES: Final = "bulkprof.failures"
WAIT: Final = "bulkprof.call.wait"
RATE: Final = "bulkprof.learned_rate"
ENDED: Final = "bulkprof.outcomes"

METRICS: Final = {
    CALLS: ("{call}", "Calls sent to AWS, each attempt by itself"),
    THROTTLES: ("{call}", "Calls that AWS throttled"),
    FAILURES: ("{call}", "Calls that failed, other than by a throttle"),
    WAIT: ("s", "How long calls waited before they were sent"),
    RATE: ("{call}/s", "Calls a second that a target is known to take"),
    ENDED: ("{profile}", "Profiles that have their outcome"),
}
"""The unit and the meaning of each metric."""
