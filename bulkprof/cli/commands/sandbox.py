"""The command `sandbox`: an AWS on this machine, for other tools."""

import signal
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import ConfigOnly, Faults, Lines, with_flags
from bulkprof.cli.running import ending, make_options, make_terminal
from bulkprof.errors import ConfigError, ExitCode, UsageError

_LOOK_S: Final = 0.5
"""Seconds between two looks for a signal that Windows kept back."""


@app.command()
@with_flags
def sandbox(
    *,
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    rate: Annotated[float, typer.Option(help="Calls a second per account, Region and operation.", min=0)] = 50.0,
    burst: Annotated[float, typer.Option(help="Calls at once after a rest.", min=0)] = 50.0,
    latency: Annotated[float, typer.Option(metavar="MS", help="Milliseconds before each answer.")] = 0.0,
    quota: Annotated[int, typer.Option(help="Profiles per account and Region.", min=0)] = 1000,
    fault: Faults = None,
    state_file: Annotated[Path | None, typer.Option(help="Keep the profiles in this file.")] = None,
    usage: Annotated[
        str | None,
        typer.Option(
            metavar="demo|FILE",
            help="What CloudWatch tells of the use of profiles: made up, or the rows of a JSON file.",
        ),
    ] = None,
    run: ConfigOnly,
    shown: Lines,
) -> int:
    """Serve the sandbox for other tools, until Ctrl-C. Prints the settings that they need.

    S3 buckets that the config names exist in it.
    """
    from bulkprof.config import named_buckets
    from bulkprof.sandbox import Sandbox, SandboxMissingError, trial_settings
    from bulkprof.system.files import check_on_disk

    terminal = make_terminal(shown)
    config = make_options(terminal, run).config.settings
    with ending(terminal):
        if state_file is not None:
            check_on_disk("--state-file", state_file)
        try:
            settings = trial_settings(
                latency=latency,
                rate=rate,
                burst=burst,
                quota=quota,
                faults=fault or (),
                usage=usage,
                port=port,
                state_file=state_file,
                buckets=named_buckets(config),
                payer_account=config.organization.payer_account,
            )
        except ValueError as error:
            raise UsageError(f"--{error}") from None
        try:
            server = Sandbox(settings).start()
        except SandboxMissingError as error:
            raise ConfigError(str(error)) from None
        except ValueError as error:
            raise UsageError(f"--state-file {error}") from None
        except OSError as error:
            what = f"--state-file {state_file}" if error.filename else f"port {port}"
            raise ConfigError(f"{what}: can't be used: {error.strerror or error}") from None
    terminal.text(f"export {name}={value}" for name, value in server.environment().items())
    terminal.note("serving; Ctrl-C ends it")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    # Not without a limit: Windows would not let Ctrl-C through.
    while not ended.wait(_LOOK_S):
        continue
    server.stop()
    return ExitCode.DONE
