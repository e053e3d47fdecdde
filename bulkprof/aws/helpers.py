"""Credential helpers: the programs that `credential_process` in a profile names, run without showing what they print.

The SDK puts what a failing one prints into its exception, and into the log where it fails later on; that may be a token
or a password. This module loads the SDK: import it late.
"""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import Any

from aiobotocore.credentials import AioProcessProvider, AioProfileProviderBuilder


def keep_helpers_quiet(chain: Any, core: Any) -> None:
    """Let the credential chain of the session `core` run helpers that way, also for a role's `source_profile`."""
    profile = core.get_config_variable("profile") or "default"
    builder = _Builder(core, cache={})
    for place, provider in enumerate(chain.providers):
        if provider.METHOD == AioProcessProvider.METHOD:
            chain.providers[place] = builder.helper(profile)
        elif provider.METHOD == "assume-role":
            provider._profile_provider_builder = builder  # noqa: SLF001 - the SDK takes it when it is made only


class _Builder(AioProfileProviderBuilder):  # type: ignore[misc]  # the SDK has no types
    """Makes the sources that a profile names."""

    def helper(self, profile: str) -> Any:
        """The one that runs the profile's helper."""
        return self._create_process_provider(profile)

    def _create_process_provider(self, profile_name: str) -> Any:
        return AioProcessProvider(
            profile_name=profile_name, load_config=lambda: self._session.full_config, popen=start_helper
        )


async def start_helper(*command: str, **how: Any) -> Helper:
    """Start a helper as `asyncio.create_subprocess_exec` does."""
    return Helper(await asyncio.create_subprocess_exec(*command, **how), command[0])


class Helper:
    """A helper at work. In part as `asyncio.subprocess.Process`."""

    def __init__(self, process: asyncio.subprocess.Process, command: str) -> None:
        self._process = process
        self._command = command

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; answer what it printed for us, and in place of what it complained of, how it ended."""
        printed, _ = await self._process.communicate()
        return printed, how_it_ended(self._command, self._process.returncode or 0).encode(errors="replace")


def how_it_ended(command: str, status: int) -> str:
    """What may be said of a helper that failed: its arguments may hold secrets as well as its output."""
    ended = f"ended with exit status {status}" if status >= 0 else f"was ended by signal {-status}"
    return (
        f"the helper {PurePath(command).name!r} (credential_process) {ended}; run it by hand to see why: what it "
        "printed may hold secrets and isn't shown"
    )
