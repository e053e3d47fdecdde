"""The commands around runs: init, plugins, sandbox."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.running import STATE_DIR, ending, make_options, make_terminal
from bulkprof.errors import ConfigError, ExitCode, UsageError

CONFIG = """\
# bulkprof.toml: how this organization's Bedrock application inference profiles are made and kept.

# The name that these manifests are managed under. Profiles carry it in the tag bulkprof:estate.
estate = "default"

# What a row gets where its cell is empty. Several values fan out.
[defaults]
model = ["nova-lite"]
region = ["us-east-1"]

# Short names for models: a model id, a system profile id or an ARN.
[models]
nova-lite = "amazon.nova-lite-v1:0"

# How other accounts are entered; needed as soon as a manifest has an `account` column.
# [organization]
# role = "BulkprofMember"

# A plugin runs because it is named here, in this order. `bulkprof plugins` shows what is installed.
[plugins.naming]
template = "{team}-{app}-{model}"

[plugins.tags]
columns = ["team", "app"]
required = ["team"]

# [plugins.s3]
# bucket = "example-bucket"

# [plugins.slack]
# webhook_env = "SLACK_WEBHOOK_URL"
# when = "failure"
"""
MANIFEST = """\
team,app,description,tag:env
search,ranking,Ranks results,prod
search,suggest,,prod
support,assistant,Answers tickets,test
"""

plugins_app = typer.Typer(help="What is installed and active.", rich_markup_mode=None)
app.add_typer(plugins_app, name="plugins")


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Write a commented bulkprof.toml and a sample manifest."""
    terminal = make_terminal(False, no_color, log_format)
    with ending(terminal):
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for name, text in (("bulkprof.toml", CONFIG), ("profiles.csv", MANIFEST)):
                with (directory / name).open("x", encoding="utf-8") as file:
                    file.write(text)
                terminal.note(f"wrote {directory / name}")
        except FileExistsError as error:
            raise UsageError(f"{error.filename} is there already; nothing of it was changed") from None
        except OSError as error:
            raise ConfigError(f"{error.filename}: can't be written: {error.strerror}") from None
        terminal.note("next: bulkprof apply profiles.csv --sandbox")
    return ExitCode.DONE


@plugins_app.callback(invoke_without_command=True)
def plugins(
    context: typer.Context,
    config: o.ConfigFile = None,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """List plugins: active ones in their order, then those that are only installed."""
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
    from rich.markup import escape
    from rich.table import Table

    from bulkprof.plugins.registry import listings
    from bulkprof.text.printable import printable_lines

    terminal = make_terminal(as_json, no_color, log_format)
    opts = make_options(terminal, config, STATE_DIR)
    rows = listings(opts.config.settings.plugins, opts.config.directory)
    broken = [row for row in rows if row.error]
    if as_json:
        fields = ("name", "version", "origin", "active", "hooks", "error")
        terminal.json({"plugins": [{field: getattr(row, field) for field in fields} for row in rows]})
    else:
        table = Table("plugin", "version", "from", "active", "hooks", header_style="bold")
        for row in rows:
            hooks = printable_lines(hook.removeprefix("bulkprof_") for hook in row.hooks)
            table.add_row(*map(escape, (row.name, row.version, row.origin)), "yes" if row.active else "no", hooks)
        terminal.output.console.print(table)
    for row in broken:
        terminal.error(row.error)
    return ExitCode.COULD_NOT_RUN if broken else ExitCode.DONE


@plugins_app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plugin's Python file.")],
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Check a plugin file as its author: whether it loads, and which hooks it implements."""
    from bulkprof.plugins.registry import check_file

    terminal = make_terminal(False, no_color, log_format)
    with ending(terminal):
        hooks = check_file(file)
        terminal.output.line(f"{file} is fine; it implements {', '.join(hooks)}")
    return ExitCode.DONE


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    rate: Annotated[float, typer.Option(help="Calls a second per account, Region and operation.", min=0)] = 50.0,
    burst: Annotated[float, typer.Option(help="Calls at once after a rest.", min=0)] = 50.0,
    quota: Annotated[int, typer.Option(help="Profiles per account and Region.", min=0)] = 1000,
    state_file: Annotated[Path | None, typer.Option(help="Keep the profiles in this file.")] = None,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Serve the sandbox for other tools, until Ctrl-C. Prints the settings that they need."""
    from bulkprof.sandbox import Rate, Sandbox, SandboxMissingError, SandboxSettings

    terminal = make_terminal(False, no_color, log_format)
    with ending(terminal):
        try:
            settings = SandboxSettings(port=port, rate=Rate(rate, burst), quota=quota, state_file=state_file)
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
    ended.wait()
    server.stop()
    return ExitCode.DONE
