"""The state directory of a command, with the runs that are kept in S3 where the config names a place for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bulkprof.store.history.directory import StateDirectory
from bulkprof.workflows.options import Options

if TYPE_CHECKING:
    from bulkprof.aws.s3_prefix import S3Prefix
    from bulkprof.store.remote.runs import RemoteRuns


def state_directory(options: Options, warn: Callable[[str], None]) -> StateDirectory:
    """Return the state directory of these options. What is wrong with S3 is told to `warn`, when it is asked for."""
    return StateDirectory(options.state_dir, remote_runs(options, warn))


def remote_runs(options: Options, warn: Callable[[str], None]) -> RemoteRuns | None:
    """Return the runs that are kept in S3; None where none are: the sandbox is shared with no other machine."""
    settings = options.config.settings
    if settings.state.s3 is None or options.sandbox:
        return None
    # They load what sends calls, which most commands don't need.
    from bulkprof.aws import AwsSessions
    from bulkprof.aws.s3_prefix import open_prefix
    from bulkprof.config import Organization, Run
    from bulkprof.store.remote.runs import RemoteRuns

    uri, region = settings.state.s3, settings.state.region

    @asynccontextmanager
    async def opened() -> AsyncIterator[S3Prefix]:
        # The caller's own credentials: no role of the organization is assumed for it.
        async with (
            AwsSessions(Organization(), Run()) as sessions,
            open_prefix(sessions.client, uri, region) as s3,
        ):
            yield s3

    return RemoteRuns(settings.estate, options.state_dir, opened, warn)
