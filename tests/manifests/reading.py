"""Reading manifests in tests: bytes in, requests and problems out."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from bulkprof.config import ColumnNames
from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.columns import AS_WRITTEN
from bulkprof.manifests.readers import builtin_readers, merge_readers
from bulkprof.manifests.requests import read_batches
from bulkprof.model import Problem, Request
from bulkprof.plugins.registry import Registry


async def read_all(
    manifests: Sequence[str], stdin: bytes | None = None, naming: ColumnNames = AS_WRITTEN
) -> tuple[list[Request], list[Problem]]:
    streams = {} if stdin is None else {"-": BytesIO(stdin)}
    requests: list[Request] = []
    problems: list[Problem] = []
    readers = builtin_readers() if naming is AS_WRITTEN else merge_readers(Registry({}, Path()), naming)
    async for batch in read_batches(manifests, readers, streams=streams, naming=naming):
        for item in batch.understood():
            if isinstance(item, Rejected):
                problems.extend(item.problems)
            else:
                requests.append(item)
    return requests, problems


async def read_bytes(folder: Path, name: str, content: bytes | str) -> tuple[list[Request], list[Problem]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    requests, problems = await read_all([str(path)])
    assert all(problem.file == str(path) for problem in problems)
    return requests, problems
