"""The sink: writes the results to a temporary file off the event loop, then uploads it and the summary."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal

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

_CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson", "json": "application/json"}


class S3Sink(Sink):
    """Uploads `results` and `summary.json` at the end of a run, and returns where the results are."""

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
        client: ClientFactory,
    ) -> None:
        self.name = name
        self._bucket = bucket
        self._prefix = prefix
        self._format = file_format
        self._raw_cells = raw_cells
        self._region = region
        self._put_arguments = dict(put_arguments)
        self._client = client

    async def finish(self, run: FinishedRun) -> str:
        """Upload both objects, and return the results' URI. Raises `DeliveryError` that says what S3 refused."""
        results = f"{self._prefix}results.{self._format}"
        with await to_thread.run_sync(tempfile.TemporaryFile) as file:
            if self._format == "csv":
                await to_thread.run_sync(_append, file, _csv([RESULT_COLUMNS]))
            async for batch in run.outcomes():
                await to_thread.run_sync(self._write, file, batch)
            summary = json.dumps(run.summary.as_json(), indent=2).encode() + b"\n"
            try:
                async with self._client("s3", region=self._region) as s3:
                    await self._put(s3, results, file)
                    await self._put(s3, f"{self._prefix}summary.json", io.BytesIO(summary))
            except Exception as error:
                raise refusal(error, bucket=self._bucket, key=results, region=self._region) from error
        return f"s3://{self._bucket}/{results}"

    def _write(self, file: IO[bytes], batch: Sequence[Outcome]) -> None:
        if self._format == "csv":
            _append(file, _csv([outcome_cells(outcome, raw=self._raw_cells) for outcome in batch]))
        else:
            _append(file, "".join(map(outcome_json, batch)))

    async def _put(self, s3: Any, key: str, file: IO[bytes]) -> None:
        arguments = {"ContentType": _CONTENT_TYPES[key.rpartition(".")[2]], **self._put_arguments}
        file.seek(0)
        # A file, not bytes: it is sent in pieces, and never read into memory as a whole.
        await s3.put_object(Bucket=self._bucket, Key=key, Body=file, **arguments)


def _append(file: IO[bytes], text: str) -> None:
    file.write(text.encode())


def _csv(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
