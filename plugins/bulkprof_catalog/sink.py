"""The sink: makes the texts at the end of a run, and writes each whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from bulkprof.plugins import (
    CatalogEntry,
    ClientFactory,
    FinishedRun,
    GiveUpError,
    OutcomeKind,
    PathTemplate,
    Sink,
    Where,
    write_text,
)

LOG = logging.getLogger(__name__)


class CatalogError(GiveUpError):
    """A file can't be written, or a format can't say something; the message says which."""


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A file of the config: its format, its path and its entries."""

    format: str
    out: PathTemplate
    where: Where


class CatalogSink(Sink):
    """Writes the files at the end of a run that changed something."""

    def __init__(self, *, name: str, files: Sequence[CatalogFile], region: str | None, client: ClientFactory) -> None:
        self.name = name
        self._files = files
        self._region = region
        self._client = client

    async def finish(self, run: FinishedRun) -> None:
        """Write all files. Raises `CatalogError` at the end, for what could not be written or said."""
        if not any(count for kind, count in run.summary.outcomes.items() if OutcomeKind(kind).is_change):
            return
        entries: list[CatalogEntry] = []
        async for batch in run.entries():
            entries.extend(batch)
        faults: list[str] = []
        texts: dict[str, str] = {}
        for file in self._files:
            faults.extend(_make(file, entries, run, texts))
        await anyio.to_thread.run_sync(_write_local, texts, faults)
        remote = {path: text for path, text in texts.items() if path.startswith("s3://")}
        if remote:
            await self._put(remote, faults)
        if faults:
            raise CatalogError("; ".join(faults))

    async def _put(self, texts: Mapping[str, str], faults: list[str]) -> None:
        async with self._client("s3", region=self._region) as s3:
            for uri, text in texts.items():
                bucket, _, key = uri.removeprefix("s3://").partition("/")
                try:
                    await s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
                except Exception as error:  # noqa: BLE001 - the others are still to be written
                    code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
                    faults.append(f"{uri}: {code}: {error}; allow s3:PutObject on it")


def _make(file: CatalogFile, entries: Sequence[CatalogEntry], run: FinishedRun, texts: dict[str, str]) -> list[str]:
    """Add a file's texts by path; return what is wrong."""
    form = run.formats.get(file.format)
    if form is None:
        return [f"there is no format {file.format!r}; the formats are {', '.join(run.formats)}"]
    try:
        of_path, left_out = file.out.files(file.where.chosen(entries))
    except ValueError as error:
        return [f"{file.out.text}: {error}"]
    faults = list(left_out)
    for path, of_file in of_path.items():
        if path in texts:
            faults.append(f"{path}: two of the files are to be written there")
            continue
        made = form(of_file)
        texts[path] = made.text
        faults.extend(made.left_out)
    return faults


def _write_local(texts: Mapping[str, str], faults: list[str]) -> None:
    for name, text in texts.items():
        if name.startswith("s3://"):
            continue
        try:
            write_text(Path(name), text)
        except Exception as error:  # noqa: BLE001 - the others are still to be written
            faults.append(str(error))
