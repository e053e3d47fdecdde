"""The sink: makes the texts at the end of a run, and writes each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread

from bulkprof.plugins import (
    CatalogEntry,
    CatalogFormat,
    ClientFactory,
    FinishedRun,
    GiveUpError,
    OutcomeKind,
    PathTemplate,
    Sink,
    Where,
    write_text,
)

PUTS_AT_ONCE = 8
WAIT_S = 300.0
"""Seconds that a run waits for its files: those of a hundred thousand profiles take longer than sinks usually have."""


class CatalogError(GiveUpError):
    """A file can't be made or written here; the message says which."""


class UploadError(RuntimeError):
    """An object can't be put; the message says which, and AWS's code. Another try may help."""


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A file of the config: its format, its path and its entries."""

    format: str
    out: PathTemplate
    where: Where
    make: CatalogFormat


@dataclass(slots=True)
class Made:
    """What is to be written, and what isn't."""

    texts: dict[str, str] = field(default_factory=dict)
    """By path."""
    left_out: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The first profile that a format can't say, and how many there are, by the format and where it goes."""
    faults: list[str] = field(default_factory=list)


class CatalogSink(Sink):
    """Writes the files at the end of a run that changed something."""

    def __init__(
        self,
        *,
        name: str,
        files: Sequence[CatalogFile],
        region: str | None,
        client: ClientFactory,
        warn: Callable[[str], None],
    ) -> None:
        self.name = name
        self.end_timeout_s = WAIT_S
        self._files = files
        self._region = region
        self._client = client
        self._warn = warn

    async def finish(self, run: FinishedRun) -> None:
        """Write all files, and warn of what is left out.

        Raises `CatalogError` or `UploadError` at the end, for what could not be written.
        """
        if not any(count for kind, count in run.summary.outcomes.items() if OutcomeKind(kind).is_change):
            return
        entries = [entry for read in (run.entries, run.kept) async for batch in read() for entry in batch]
        gone = [entry async for batch in run.gone() for entry in batch]
        made = await anyio.to_thread.run_sync(_make_all, self._files, entries, gone)
        for path in await self._written_later(run):
            made.texts.pop(path, None)
        await anyio.to_thread.run_sync(_write_local, made)
        remote = {path: text for path, text in made.texts.items() if path.startswith("s3://")}
        refused = await self._put(remote) if remote else []
        for file, (first, count) in made.left_out.items():
            more = f" (and {count - 1} more: bulkprof catalog lists them)" if count > 1 else ""
            self._warn(f"sink {self.name!r}: {file}: left out: {first}{more}")
        if refused:
            raise UploadError("; ".join([*made.faults, *refused]))
        if made.faults:
            raise CatalogError("; ".join(made.faults))

    async def _written_later(self, run: FinishedRun) -> set[str]:
        """Return the paths that later runs wrote, or are still to write: what this one knows of them is out of date."""
        found: set[str] = set()
        async for batch in run.later():
            for file in self._files:
                of_path, _ = file.out.files((), file.where.chosen(batch))
                found.update(of_path)
        return found

    async def _put(self, texts: Mapping[str, str]) -> list[str]:
        """Put these objects; return what was refused."""
        refused: list[str] = []
        turns = anyio.CapacityLimiter(PUTS_AT_ONCE)
        async with self._client("s3", region=self._region) as s3:

            async def put(uri: str, text: str) -> None:
                bucket, _, key = uri.removeprefix("s3://").partition("/")
                try:
                    async with turns:
                        await s3.put_object(
                            Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/plain; charset=utf-8"
                        )
                except Exception as error:  # noqa: BLE001 - the others are still to be written
                    refused.append(f"{uri}: {_reason(error)}")

            async with anyio.create_task_group() as group:
                for uri, text in texts.items():
                    group.start_soon(put, uri, text)
        return sorted(refused)


def _reason(error: Exception) -> str:
    # Plugins get their clients from bulkprof, and need not import botocore for its errors.
    code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
    advice = {
        "AccessDenied": "; allow s3:PutObject on it",
        "NoSuchBucket": "; create the bucket, or correct `out` under [plugins.catalog]",
        "PermanentRedirect": "; set `region` under [plugins.catalog] to the bucket's Region",
    }
    return f"{code}: {error}{advice.get(code, '')}"


def _make_all(files: Sequence[CatalogFile], entries: Sequence[CatalogEntry], gone: Sequence[CatalogEntry]) -> Made:
    made = Made()
    for file in files:
        try:
            of_path, without = file.out.files(file.where.chosen(entries), file.where.chosen(gone))
        except ValueError as error:
            made.faults.append(f"{file.out.text}: {error}")
            continue
        left_out = list(without)
        for path, of_file in of_path.items():
            if path in made.texts:
                made.faults.append(f"{path}: two of the files are to be written there")
                continue
            text, lines = file.make(of_file)
            made.texts[path] = text
            left_out.extend(lines)
        if left_out:
            made.left_out[f"{file.format} in {file.out.text}"] = left_out[0], len(left_out)
    return made


def _write_local(made: Made) -> None:
    for name, text in made.texts.items():
        if name.startswith("s3://"):
            continue
        try:
            write_text(Path(name), text)
        except Exception as error:  # noqa: BLE001 - the others are still to be written
            made.faults.append(str(error))
