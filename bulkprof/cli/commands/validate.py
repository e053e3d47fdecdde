"""The command `validate`."""

from bulkprof.cli import options as o
from bulkprof.cli.app import app
from bulkprof.cli.logs import LogFormat
from bulkprof.cli.running import STATE_DIR, make_options, make_terminal, run_async
from bulkprof.errors import ExitCode


@app.command()
def validate(
    manifests: o.Manifests,
    config: o.ConfigFile = None,
    as_json: o.Json = False,
    log_format: o.Logs = LogFormat.TEXT,
    no_color: o.NoColor = False,
) -> int:
    """Show every problem of every row. Needs no network and no credentials."""
    from bulkprof.reports.json import validation_json
    from bulkprof.reports.lines import counted
    from bulkprof.workflows import validate as validating

    terminal = make_terminal(as_json, no_color, log_format)
    opts = make_options(terminal, config, STATE_DIR)
    found = run_async(terminal, lambda: validating.validate(manifests, opts, terminal, terminal.stop), again=None)
    code = ExitCode.INVALID_MANIFEST if found.invalid or not found.desired else ExitCode.DONE
    if as_json:
        terminal.json(validation_json(found.rows, found.desired, found.invalid, terminal.problems, int(code)))
    else:
        for source in found.sources:
            terminal.note(f"model: {source}")
    rows = f"{counted(found.rows, 'row')}, {counted(found.desired, 'desired profile')}"
    if found.invalid:
        terminal.error(f"{rows}, {found.problems_line}")
    else:
        terminal.output.line(f"{rows}, no problems")
    return code
