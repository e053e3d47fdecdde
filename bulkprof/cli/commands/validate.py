"""The command `validate`: every problem of every row."""

from bulkprof.cli.app import app
from bulkprof.cli.flags import ConfigOnly, Display, Manifests, with_flags
from bulkprof.cli.running import make_options, make_terminal, run_async, start_readers
from bulkprof.errors import ExitCode


@app.command()
@with_flags
def validate(manifests: Manifests, run: ConfigOnly, shown: Display) -> int:
    """Show every problem of every row. Needs no network and no credentials."""
    start_readers(manifests)
    from bulkprof.reports.json import validation_json
    from bulkprof.reports.text import counted
    from bulkprof.workflows import validate as validating

    terminal = make_terminal(shown)
    opts = make_options(terminal, run)
    found = run_async(terminal, lambda: validating.validate(manifests, opts, terminal, terminal.stop), again=None)
    code = ExitCode.INVALID_MANIFEST if found.invalid or not found.desired else ExitCode.DONE
    if shown.as_json:
        problems, unread = terminal.problems, found.unread_columns
        terminal.json(validation_json(found.rows, found.desired, found.invalid, problems, int(code), unread))
    else:
        for source in found.sources:
            terminal.note(f"profiles are made from {source}")
    rows = f"{counted(found.rows, 'row')}, {counted(found.desired, 'desired profile')}"
    if found.invalid:
        terminal.error(f"{rows}, {found.problems_line}")
    else:
        terminal.output.line(f"{rows}, no problems")
    return code
