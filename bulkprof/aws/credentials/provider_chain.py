"""The SDK's chain of credential providers for the caller's own credentials, and the programs that it runs.

It works as the SDK's own, except for two things: an error says which provider failed, and a program
(`credential_process`) is ended when the run stops waiting for it. This module loads the SDK: import it late.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import Any

from aiobotocore.credentials import AioProcessProvider, AioProfileProviderBuilder, create_credential_resolver
from botocore.exceptions import CredentialRetrievalError
from botocore.utils import parse_timestamp

from bulkprof.aws.credentials.errors import cant_be_had, plain
from bulkprof.aws.credentials.mfa import Codes
from bulkprof.aws.transport.http import SharedHttp
from bulkprof.aws.transport.responses import at_most
from bulkprof.aws.transport.sdk_http import use_shared_connections
from bulkprof.errors import SignInNeededError

_PROCESS = "custom-process"
_TERM_S = 1.0
"""Seconds that a program has to end by itself before it is killed."""
_LOOK_S = 0.01
_PIECE = 1 << 16
_LONGEST = 1 << 20
"""Most bytes that are read of a program's output: a thousand times the size of keys."""


async def find_credentials(core: Any, http: SharedHttp, codes: Codes) -> Any:
    """Return the SDK's credentials object for the session `core`, or None where no provider has any.

    Metadata of machines and containers are read through `http`, and codes of MFA devices through `codes`. Raises
    `AwsError`: `SignInNeededError` unless it may pass by itself.
    """
    try:
        chain = create_credential_resolver(core)
        use_shared_connections(chain, core, http)
        profile = core.get_config_variable("profile") or "default"
        builder = _Builder(core, cache={})
        for each in chain.providers:
            if each.METHOD == "assume-role":
                # Also runs the program of a profile that the role is assumed from.
                each._profile_provider_builder = builder  # noqa: SLF001 - the SDK takes it only in the constructor
                each._prompter = codes  # noqa: SLF001 - nor has it a public way to set the prompter
        providers = [builder.process(profile) if each.METHOD == _PROCESS else each for each in chain.providers]
    except Exception as error:  # noqa: BLE001 - variables and files make the SDK raise anything
        raise SignInNeededError(
            f"the AWS settings can't be used: {plain(error)}; check the AWS_* variables (those of the metadata "
            "service, too) and the AWS config file",
            code="Settings",
        ) from None
    for provider in providers:
        try:
            found = await provider.load()
        except Exception as error:  # noqa: BLE001 - and so do programs and caches
            # Without the cause, which may quote what files and programs hold.
            raise cant_be_had(error, provider.METHOD) from None
        if found is not None:
            return found
    return None


class _Builder(AioProfileProviderBuilder):  # type: ignore[misc]  # the SDK has no types
    """Makes the providers that a profile names."""

    def process(self, profile: str) -> Any:
        """Return the provider that runs the profile's program."""
        return self._create_process_provider(profile)

    def _create_process_provider(self, profile_name: str) -> Any:
        return _Program(profile_name=profile_name, load_config=lambda: self._session.full_config, popen=start_program)


class _Program(AioProcessProvider):  # type: ignore[misc]  # as above
    """Runs a `credential_process`."""

    async def _retrieve_credentials_using(self, credential_process: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = await super()._retrieve_credentials_using(credential_process)
            expiry = found.get("expiry_time")
            if expiry is not None and (not isinstance(expiry, str) or parse_timestamp(expiry).tzinfo is None):
                raise _failed("its Expiration is no date and time with a time zone")
        except CredentialRetrievalError:
            raise
        except OSError as error:
            raise _failed(f"it can't be started: {error.strerror}") from None
        except json.JSONDecodeError:
            raise _failed("what it printed is not JSON") from None
        except UnicodeError:
            raise _failed("what it printed is not UTF-8 text") from None
        except (AttributeError, RecursionError):
            raise _failed("what it printed is no JSON object") from None
        except (IndexError, ValueError) as error:
            # An empty command, or one with an unclosed quote; or an Expiration that isn't a date.
            raise _failed(f"the command or its Expiration can't be read ({type(error).__name__})") from None
        return found


def _failed(reason: str) -> Exception:
    failure: Exception = CredentialRetrievalError(provider=_PROCESS, error_msg=reason)
    return failure


async def start_program(*command: str, **how: Any) -> BoundedProcess:
    """Start a program as the SDK would."""
    # Its error output is never shown, so it isn't kept.
    process = await asyncio.create_subprocess_exec(*command, **{**how, "stderr": DEVNULL})
    return BoundedProcess(process, command[0])


class BoundedProcess:
    """A program that is ended when the wait for it is cancelled. Has a part of `asyncio.subprocess.Process`."""

    def __init__(self, process: Process, command: str) -> None:
        self._process = process
        self._command = command

    @property
    def returncode(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; return its output and, in the place of its error output, how it ended.

        The SDK shows the latter; the program's own text, like its arguments, may hold secrets.
        """
        try:
            printed = await self._read()
            await self._process.wait()
        finally:
            if self._process.returncode is None:
                await self._end()
            # Child processes may hold its pipe open for longer than the event loop runs.
            self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public way
        return printed, self._how_it_ended().encode(errors="replace")

    async def _read(self) -> bytes:
        if self._process.stdout is None:
            return b""
        printed = await at_most(partial(self._process.stdout.read, _PIECE), _LONGEST)
        if len(printed) > _LONGEST:
            raise _failed(f"it prints more than {_LONGEST >> 20} MiB")
        return printed

    def _how_it_ended(self) -> str:
        status = self._process.returncode or 0
        ended = f"ended with exit status {status}" if status >= 0 else f"was ended by signal {-status}"
        return (
            f"the helper {PurePath(self._command).name!r} (credential_process) {ended}; run it by hand to see why: "
            "what it printed may hold secrets and isn't shown"
        )

    async def _end(self) -> None:
        """Terminate it, and kill it if it doesn't end. Not its process group, which is also this process's."""
        for end in (self._process.terminate, self._process.kill):
            with suppress(ProcessLookupError):
                end()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended(), _TERM_S)
                return

    async def _ended(self) -> None:
        # `wait` would wait for its pipe as well, which child processes may hold open.
        while self._process.returncode is None:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_LOOK_S)
