"""Reading manifests in tests: bytes in, requests and problems out."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from bulkprof.manifests.cells import Rejected
from bulkprof.manifests.readers import builtin_readers
from bulkprof.manifests.requests import read_batches
from bulkprof.model import Problem, Request


async def read_all(manifests: Sequence[str], stdin: bytes | None = None) -> tuple[list[Request], list[Problem]]:
    streams = {} if stdin is None else {"-": BytesIO(stdin)}
    requests: list[Request] = []
    problems: list[Problem] = []
    async for batch in read_batches(manifests, builtin_readers(), streams=streams):
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
