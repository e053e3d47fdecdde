"""The command `init`: a config and a manifest to begin with, and the config's schema for editors."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from bulkprof.cli.app import app
from bulkprof.cli.flags import Lines, with_flags
from bulkprof.cli.running import ending, make_terminal
from bulkprof.errors import ConfigError, ExitCode, UsageError
from bulkprof.schemas import SchemaName, schema_text

SCHEMA = "bulkprof.schema.json"
"""The file that editors complete and check the config by; its first line names it."""
CONFIG = f"""\
#:schema ./{SCHEMA}
# bulkprof.toml: how this organization's Bedrock application inference profiles are made and kept.

# The name that these manifests are managed under. Profiles carry it in the tag bulkprof:estate.
estate = "default"

# What a row gets where its cell is empty. Several values fan out.
[defaults]
model = ["nova-lite"]
region = ["us-east-1"]
# Write descriptions as AWS takes them, instead of refusing `Ranks results (beta)`:
# clean_description = true

# Short names for models: a model id, a system profile id or an ARN; a table of them by Region or its beginning; or
# geo: and a model id, for the system profile that the geography of each Region has.
[models]
nova-lite = "amazon.nova-lite-v1:0"
# nova-pro = "geo:amazon.nova-pro-v1:0"
# haiku = {{ us = "us.anthropic.claude-3-haiku-20240307-v1:0", default = "anthropic.claude-3-haiku-20240307-v1:0" }}

# How other accounts are entered; needed as soon as a manifest has an `account` column.
# [organization]
# role = "BulkprofMember"

# A plugin runs because it is named here, in this order. `bulkprof plugins` shows what is installed.
[plugins.naming]
template = "{{team}}-{{app}}-{{model}}"

[plugins.tags]
columns = ["team", "app"]
required = ["team"]
# Write values as AWS takes them, `Søk & Innsikt` as `Sok Innsikt`, instead of refusing them:
# clean = true

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


@app.command()
@with_flags
def init(*, directory: Annotated[Path, typer.Argument(help="Where to write.")] = Path(), shown: Lines) -> int:
    """Write a commented bulkprof.toml and a sample manifest."""
    from bulkprof.system.files import check_on_disk

    terminal = make_terminal(shown)
    with ending(terminal):
        check_on_disk("init", directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            files = {"bulkprof.toml": CONFIG, "profiles.csv": MANIFEST, SCHEMA: schema_text(SchemaName.CONFIG)}
            for name, text in files.items():
                with (directory / name).open("x", encoding="utf-8") as file:
                    file.write(text)
                terminal.note(f"wrote {directory / name}")
        except FileExistsError as error:
            raise UsageError(
                f"{error.filename} is there already; nothing of it was changed. Name another folder"
            ) from None
        except OSError as error:
            raise ConfigError(f"{error.filename}: can't be written: {error.strerror}") from None
        there = "" if directory.absolute() == Path.cwd() else f"cd {shlex.quote(str(directory))} && "
        terminal.note(f"next: {there}bulkprof apply profiles.csv --sandbox")
    return ExitCode.DONE
