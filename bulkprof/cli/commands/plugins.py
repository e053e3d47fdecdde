"""The commands `plugins`, which lists them, and `plugins check`, for their authors."""

from pathlib import Path
from typing import Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import ConfigOnly, Display, Lines, with_flags
from bulkprof.cli.running import ending, make_options, make_terminal
from bulkprof.errors import ExitCode

plugins_app = typer.Typer(help="What is installed and active.", rich_markup_mode=None)
app.add_typer(plugins_app, name="plugins")


@plugins_app.callback(invoke_without_command=True)
@with_flags
def plugins(context: typer.Context, run: ConfigOnly, shown: Display) -> int:
    """List plugins: active ones in their order, then those that are only installed."""
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
    from rich.markup import escape
    from rich.table import Table

    from bulkprof.plugins.registry import listings
    from bulkprof.text.printable import printable_lines

    terminal = make_terminal(shown)
    opts = make_options(terminal, run)
    rows = listings(opts.config.settings.plugins, opts.config.directory)
    broken = [row for row in rows if row.error]
    if shown.as_json:
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
@with_flags
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A plugin's Python file.")], shown: Lines) -> int:
    """Check a plugin file as its author: whether it loads, and which hooks it implements."""
    from bulkprof.plugins.registry import check_file

    terminal = make_terminal(shown)
    with ending(terminal):
        hooks = check_file(file)
        terminal.output.line(f"{file} is fine; it implements {', '.join(hooks)}")
    return ExitCode.DONE
