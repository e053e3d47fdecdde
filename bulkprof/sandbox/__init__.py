"""A local AWS to try things on: moto, with Bedrock's application inference profiles added.

It stands alone: it imports nothing else of bulkprof, and nothing of moto before it starts.

Each part knows only those below it: `sandbox`, `control`, `dispatcher`, `services`, `state`, and at the bottom
`server`, `trial`, `rates`, `settings`, `usage`, `faults`, `wire`, `operations` and `errors`.
"""

from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.sandbox import Sandbox
from bulkprof.sandbox.settings import Hypotheses, Rate, SandboxMissingError, SandboxSettings
from bulkprof.sandbox.state.ledger import CallCount, Ledger, LedgerProfile
from bulkprof.sandbox.trial import trial_settings
from bulkprof.sandbox.usage import UsageRow

__all__ = [
    "CallCount",
    "Fault",
    "Hypotheses",
    "Ledger",
    "LedgerProfile",
    "Rate",
    "Sandbox",
    "SandboxMissingError",
    "SandboxSettings",
    "UsageRow",
    "trial_settings",
]
