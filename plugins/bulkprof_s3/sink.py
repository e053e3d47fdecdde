"""The sink: writes the results to a temporary file off the event loop, then uploads it, the summary and the report."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Literal
from urllib.parse import quote

from anyio import to_thread

from bulkprof.plugins import (
    RESULT_COLUMNS,
    ClientFactory,
    FinishedRun,
    Outcome,
    Sink,
    outcome_cells,
    outcome_json,
)
from bulkprof_s3.refusals import refusal

_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


WAIT_S = 300.0
"""Seconds that a run waits for its objects: those of a million rows take longer than sinks usually have."""


class S3Sink(Sink):
    """Uploads `results`, `summary.json` and `report.html` at the end of a run, and returns where the report is."""

    def __init__(
        self,
        *,
        name: str,
        bucket: str,
        prefix: str,
        file_format: Literal["jsonl", "csv"],
        raw_cells: bool,
        region: str | None,
        put_arguments: Mapping[str, str],
        report: bool,
        report_url: str | None,
        client: ClientFactory,
    ) -> None:
        self.name = name
        self.end_timeout_s = WAIT_S
        self._bucket = bucket
        self._prefix = prefix
        self._format = file_format
        self._raw_cells = raw_cells
        self._region = region
        self._put_arguments = dict(put_arguments)
        self._report = report
        self._report_url = report_url
        self._client = client

    async def finish(self, run: FinishedRun) -> str:
        """Upload the objects, and return the link of the report; without one, that of the results.

        Raises `DeliveryError` that says what S3 refused.
        """
        results, report = f"{self._prefix}results.{self._format}", f"{self._prefix}report.html"
        with await to_thread.run_sync(tempfile.TemporaryFile) as file:
            if self._format == "csv":
                await to_thread.run_sync(_append, file, _csv([RESULT_COLUMNS]))
            async for batch in run.outcomes():
                await to_thread.run_sync(self._write, file, batch)
            summary = json.dumps(run.summary.as_json(), indent=2).encode() + b"\n"
            await self._upload({results: file, f"{self._prefix}summary.json": io.BytesIO(summary)})
        if self._report:
            # Last, since it takes longest to make in large runs.
            await self._upload({report: io.BytesIO((await run.html()).encode())})
        if self._report and self._report_url:
            return self._report_url.format(key=quote(report))
        return f"s3://{self._bucket}/{report if self._report else results}"

    def _write(self, file: IO[bytes], batch: Sequence[Outcome]) -> None:
        if self._format == "csv":
            _append(file, _csv([outcome_cells(outcome, raw=self._raw_cells) for outcome in batch]))
        else:
            _append(file, "".join(map(outcome_json, batch)))

    async def _upload(self, files: Mapping[str, IO[bytes]]) -> None:
        """Put these objects, by their keys."""
        key, *_ = files
        try:
            async with self._client("s3", region=self._region) as s3:
                for key, file in files.items():
                    arguments = {"ContentType": _CONTENT_TYPES[key.rpartition(".")[2]], **self._put_arguments}
                    file.seek(0)
                    # A file, not bytes: it is sent in pieces, and never read into memory as a whole.
                    await s3.put_object(Bucket=self._bucket, Key=key, Body=file, **arguments)
        except Exception as error:
            raise refusal(error, bucket=self._bucket, key=key, region=self._region) from error


def _append(file: IO[bytes], text: str) -> None:
    file.write(text.encode())


def _csv(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
