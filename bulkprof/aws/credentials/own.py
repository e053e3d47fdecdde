"""The SDK's places to look for the caller's own credentials, one after the other, and the programs that it runs there.

As the SDK does it, but for two things: what goes wrong says in which place, and a program (`credential_process`)
doesn't outlive the wait for it. This module loads the SDK: import it late.
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
from bulkprof.aws.transport.answers import at_most
from bulkprof.aws.transport.http import SharedHttp
from bulkprof.aws.transport.sdk_http import serve_machine_sources
from bulkprof.errors import SignInNeededError

_PROCESS = "custom-process"
_TERM_S = 1.0
"""Seconds that a program has to end by itself before it is killed."""
_LOOK_S = 0.01
_PIECE = 1 << 16
_LONGEST = 1 << 20
"""Bytes that are read of what a program prints: a thousand times what keys take."""


async def find(core: Any, http: SharedHttp, codes: Codes) -> Any:
    """Return the SDK's credentials object for the session `core`, or None where no place has any.

    Machines' and containers' metadata are asked through `http`, and codes of MFA devices through `codes`. Raises
    `AwsError`: `SignInNeededError` unless it passes by itself.
    """
    try:
        chain = create_credential_resolver(core)
        serve_machine_sources(chain, core, http)
        profile = core.get_config_variable("profile") or "default"
        builder = _Builder(core, cache={})
        for provider in chain.providers:
            if provider.METHOD == "assume-role":
                # The program of a profile that the role is assumed from.
                provider._profile_provider_builder = builder  # noqa: SLF001 - the SDK takes it when it is made only
                provider._prompter = codes  # noqa: SLF001 - nor has it a public place for who is asked
        places = [builder.process(profile) if each.METHOD == _PROCESS else each for each in chain.providers]
    except Exception as error:  # noqa: BLE001 - variables and files make the SDK raise anything
        raise SignInNeededError(
            f"the AWS settings can't be used: {plain(error)}; check the AWS_* variables (those of the metadata "
            "service, too) and the AWS config file",
            code="Settings",
        ) from None
    for place in places:
        try:
            found = await place.load()
        except Exception as error:  # noqa: BLE001 - and so do programs and caches
            # Not as its cause: what files and programs hold is in there.
            raise cant_be_had(error, place.METHOD) from None
        if found is not None:
            return found
    return None


class _Builder(AioProfileProviderBuilder):  # type: ignore[misc]  # the SDK has no types
    """Makes the places that a profile names."""

    def process(self, profile: str) -> Any:
        """The one that runs the profile's program."""
        return self._create_process_provider(profile)

    def _create_process_provider(self, profile_name: str) -> Any:
        return _Program(profile_name=profile_name, load_config=lambda: self._session.full_config, popen=_start)


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
            # A command without a word, or with a quote that isn't closed; or a date that is none.
            raise _failed(f"the command or its Expiration can't be read ({type(error).__name__})") from None
        return found


def _failed(reason: str) -> Exception:
    failure: Exception = CredentialRetrievalError(provider=_PROCESS, error_msg=reason)
    return failure


async def _start(*command: str, **how: Any) -> _Ended:
    # Nobody is shown what it complains of, so there is no need to keep it.
    process = await asyncio.create_subprocess_exec(*command, **{**how, "stderr": DEVNULL})
    return _Ended(process, command[0])


class _Ended:
    """A program that is ended when nobody waits for its answer any longer. In part as `asyncio.subprocess.Process`."""

    def __init__(self, process: Process, command: str) -> None:
        self._process = process
        self._command = command

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; return what it printed for us and, in place of what it complained of, how it ended.

        The SDK shows the latter, and its arguments may hold secrets as well as its output.
        """
        try:
            printed = await self._read()
            await self._process.wait()
        finally:
            if self._process.returncode is None:
                await self._end()
            # Programs that it started may hold its pipe open for longer than the event loop lives.
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
        """Ask it to end, and then see to it: not its whole group, which is the terminal's and ours, too."""
        for end in (self._process.terminate, self._process.kill):
            with suppress(ProcessLookupError):
                end()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gone(), _TERM_S)
                return

    async def _gone(self) -> None:
        # `wait` would wait for its pipe as well, which programs that it started may hold open.
        while self._process.returncode is None:  # noqa: ASYNC110 - nobody tells the moment
            await asyncio.sleep(_LOOK_S)
