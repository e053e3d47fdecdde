"""Reads a config from a file, or from S3."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bulkprof.config import Config, is_s3, load, parsed
from bulkprof.errors import ConfigError
from bulkprof.workflows.options import StrPath, file_of


def load_config(file: StrPath | None = None, *, sandbox: bool = False) -> Config:
    """Read a config, also one in S3. Relative paths in that one start in the working directory.

    Raises `ConfigError` that names every bad key of the file at once; `AwsError` for one in S3 that can't be fetched.
    """
    if file is not None:
        file = file_of(file, "file")
    if file is None or not is_s3(file):
        return load(file)
    if sandbox:
        raise ConfigError(
            f"{file}: a sandbox that starts with this command has no object yet; use a local config, or start "
            "`bulkprof sandbox` and set AWS_ENDPOINT_URL to it"
        )
    # It loads what sends calls.
    from bulkprof.system.blocking import waited_for
    from bulkprof.workflows.steps.intake.fetch import fetch_config

    data, version = waited_for(partial(fetch_config, file))
    settings = parsed(data, file)
    for name, table in settings.plugins.items():
        if (path := table.get("path")) and not Path(str(path)).is_absolute():
            raise ConfigError(
                f"{file}: plugins.{name}.path: {path!r} would be beside the config, and that is in S3; install the "
                "plugin as a package, or write the path from the root on"
            )
    return Config(settings=settings, fetched={file: version})
