"""The sandbox that a command works in, where it isn't to work in AWS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bulkprof.config import named_buckets
from bulkprof.errors import ConfigError, StateError, UsageError
from bulkprof.workflows.options import Options

if TYPE_CHECKING:
    from bulkprof.sandbox import Sandbox, SandboxSettings

_NEED_IT = ("sandbox_latency", "sandbox_rate", "sandbox_quota", "sandbox_fault")


def check_sandbox(options: Options) -> None:
    """Raise `UsageError` for flags of the sandbox that can't be used, and for any where AWS is to be worked in."""
    given = [f"--{name.replace('_', '-')}" for name in _NEED_IT if getattr(options, name) not in {None, ()}]
    if given and not options.sandbox:
        them = "it" if len(given) == 1 else "them"
        raise UsageError(f"{', '.join(given)}: only for a sandbox; add --sandbox, or leave {them} out")
    if given:
        _settings(options)


def start_sandbox(options: Options, state: Path) -> Sandbox:
    """Start a sandbox that keeps its profiles in the state directory, and has the buckets that the config names.

    Blocks. Raises `UsageError`, `ConfigError` where moto is missing, and `StateError` for a journal that can't be read.
    """
    from bulkprof.sandbox import Sandbox, SandboxMissingError

    settings = _settings(options, state / "sandbox.journal")
    try:
        return Sandbox(settings).start()
    except SandboxMissingError as error:
        raise ConfigError(str(error)) from None
    except ValueError as error:
        raise StateError(f"{error}; move it away to begin with an empty sandbox") from None


def _settings(options: Options, journal: Path | None = None) -> SandboxSettings:
    from bulkprof.sandbox import trial_settings

    try:
        return trial_settings(
            latency=options.sandbox_latency,
            rate=options.sandbox_rate,
            quota=options.sandbox_quota,
            faults=options.sandbox_fault,
            state_file=journal,
            # Nothing is invoked in it, so its metrics are made up.
            usage="demo",
            payer_account=options.config.settings.organization.payer_account,
            buckets=named_buckets(options.config.settings),
        )
    except ValueError as error:
        raise UsageError(f"--sandbox-{error}") from None
