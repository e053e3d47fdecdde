"""What `iam-policy` prints for callers: what they may invoke (--invoke), or what they are kept from (--scp)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bulkprof.aws.policies.grammar import Document
from bulkprof.aws.policies.invoke import LIMIT, by_value, policies_of
from bulkprof.aws.policies.scp import service_control_policies
from bulkprof.catalog.entries import CatalogEntry
from bulkprof.catalog.selection import PathTemplate, known_field
from bulkprof.cli.catalogs import check_sources, read, tell_files, tell_rest
from bulkprof.cli.flags import Scope
from bulkprof.cli.running import run_async
from bulkprof.errors import ExitCode, UsageError
from bulkprof.text.printable import json_text
from bulkprof.workflows import catalog as catalogs

if TYPE_CHECKING:
    from bulkprof.cli.terminal import Terminal
    from bulkprof.workflows.options import Options

ATTACHED = 10
"""Managed policies that a role takes, unless AWS raised that for the account."""
_FIRST = "-1.json"
"""How the first file of a group ends."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags say that are about callers."""

    run_id: str | None = None
    by: str | None = None
    where: Sequence[str] = ()
    live: bool = False
    out: str | None = None
    exceptions: Sequence[str] = ()
    partition: str = "aws"


def check(asked: Asked, scope: Scope, *, invoke: bool, scp: bool, of_runs: bool) -> None:
    """Raise `UsageError` for flags that don't go together. `of_runs`: there are some about the policies of runs."""
    if invoke and scp:
        raise UsageError("--invoke and --scp are two policies, for two places: ask for one at a time")
    if of_runs and (invoke or scp):
        raise UsageError(
            "--for, --cloudformation, --read-only, --own-account, --cost-tags and --usage are about the policies of "
            f"runs: leave them out with {'--invoke' if invoke else '--scp'}"
        )
    if asked.exceptions and not scp:
        raise UsageError("--except is about --scp, which denies: --invoke and the policies of runs deny nothing")
    if not invoke and (asked.run_id or asked.by or asked.where or asked.live):
        raise UsageError("RUN, --by, --live and --where say which profiles --invoke is about: add --invoke")
    if asked.out is not None and not (invoke or scp):
        raise UsageError("--out is about --invoke and --scp: the policies of runs are printed only")
    if asked.out == "":
        raise UsageError("--out names no folder")
    if invoke:
        check_sources(asked.run_id, scope, live=asked.live)
        if asked.partition != "aws":
            raise UsageError("--partition: the profiles' own ARNs say it; leave it out with --invoke")


def print_scp(terminal: Terminal, options: Options, asked: Asked) -> int:
    """Print the service control policy. Return the exit code."""
    settings = options.config.settings
    try:
        documents = service_control_policies(
            settings.ownership_tag, settings.estate, partition=asked.partition, exceptions=asked.exceptions
        )
    except ValueError as error:
        raise UsageError(f"--except {error}") from None
    found = catalogs.Catalog()
    run_async(terminal, lambda: _hand_out(terminal, options, asked.out, found, {"scp": documents}), again=None)
    if asked.out is not None:
        tell_files(terminal, found)
    if not asked.exceptions:
        terminal.warn("no role is excepted (--except): each call of a model by its id is denied where this is attached")
    terminal.note("try it on one organizational unit first: docs/policies.md says what it denies, and what it doesn't")
    return ExitCode.DONE


def print_invoke(terminal: Terminal, options: Options, asked: Asked) -> int:
    """Print what callers may invoke. Return the exit code."""
    where = catalogs.parse_where(asked.where)
    if asked.by is not None:
        try:
            known_field(asked.by)
        except ValueError as error:
            raise UsageError(f"--by {error}") from None

    async def work() -> tuple[catalogs.Catalog, Mapping[str, Sequence[Document]]]:
        found = await read(options, terminal, asked.run_id, live=asked.live)
        catalogs.choose(found, where)
        groups, without = _groups(found.entries, asked)
        made = policies_of(groups)
        found.left_out += [*without, *made.left_out]
        if not made.documents:
            why = f": {found.left_out[0]}" if found.left_out else ", for none exists"
            raise UsageError(f"no profile can be allowed{why}; nothing was written")
        await _hand_out(terminal, options, asked.out, found, made.documents)
        return found, made.documents

    found, documents = run_async(terminal, work, again=None)
    tell_rest(terminal, found)
    if asked.out is not None:
        tell_files(terminal, found)
        _tell_older(terminal, asked.out, found.files)
    most = max(documents, key=lambda name: len(documents[name]))
    if (count := len(documents[most])) > 1:
        several = f"{most}: {count} policies, as one holds {LIMIT} characters; a caller needs all of them"
        if count > ATTACHED:
            terminal.warn(f"{several}, and a role takes {ATTACHED} unless AWS raised that: divide with --by or --where")
        else:
            terminal.note(several)
    return int(found.exit_code)


def _groups(
    entries: Sequence[CatalogEntry], asked: Asked
) -> tuple[Mapping[str, Sequence[CatalogEntry]], Sequence[str]]:
    """Return the entries of each group of callers, by value or by where its files go; and what is in none."""
    if asked.by is None:
        return {"invoke": entries}, ()
    if asked.out is None:
        return by_value(entries, asked.by)
    folder = asked.out.replace("{", "{{").replace("}", "}}")
    try:
        of_path, without = PathTemplate(f"{_folder(folder)}{{{asked.by}}}{_FIRST}").files(entries)
    except ValueError as error:
        raise UsageError(f"--by {asked.by}: {error}") from None
    return {path.removesuffix(_FIRST).removeprefix(_folder(asked.out)): each for path, each in of_path.items()}, without


async def _hand_out(
    terminal: Terminal,
    options: Options,
    out: str | None,
    found: catalogs.Catalog,
    documents: Mapping[str, Sequence[Document]],
) -> None:
    if out is None:
        terminal.text(json_text(documents, ascii_only=True, indent=2).split("\n"))
        return
    files = {
        f"{_folder(out)}{name}-{number}.json": json_text(each, ascii_only=True, indent=2) + "\n"
        for name, of_name in documents.items()
        for number, each in enumerate(of_name, start=1)
    }
    await catalogs.write(found, files, options, terminal, terminal.stop)


def _tell_older(terminal: Terminal, out: str, written: Sequence[str]) -> None:
    """Warn of policies of earlier calls in the folder: they still allow what they did."""
    if out.startswith("s3://"):
        return
    older = sorted(path.name for path in Path(out).glob("*.json") if _folder(out) + path.name not in written)
    if older:
        terminal.warn(
            f"{out} holds {len(older)} more .json files, such as {older[0]}: earlier policies allow what they allowed; "
            "delete those that no caller needs"
        )


def _folder(out: str) -> str:
    return out.rstrip("/") + "/" if out.strip("/") else out
