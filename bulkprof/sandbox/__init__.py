"""An AWS to try things on: moto, with Bedrock's application inference profiles added.

It stands alone: nothing of bulkprof is needed to run it, and nothing of moto is imported before it starts.
"""

from bulkprof.sandbox.faults import Fault
from bulkprof.sandbox.sandbox import Sandbox
from bulkprof.sandbox.settings import Hypotheses, Rate, SandboxMissingError, SandboxSettings
from bulkprof.sandbox.state.ledger import CallCount, Ledger, LedgerProfile

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
]
