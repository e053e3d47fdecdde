"""The other way to send creates: a plain aioboto3 loop with default settings: `python -m tests.bench.bare ROWS`.

It sends what `bulkprof apply` sends, and does nothing else: no manifest, no plan, no record, no results.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import aioboto3

from tests.bench.manifests import Row
from tests.bench.server import MODEL

WORKERS = 10
"""As many as the SDK's default pool has connections."""
SOURCE = f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"


async def send(creates: int) -> None:
    """Send so many creates through one client."""
    rows = map(Row, range(creates))
    async with aioboto3.Session().client("bedrock") as client:
        await asyncio.gather(*(_work(client, rows) for _ in range(WORKERS)))


async def _work(client: Any, rows: Iterator[Row]) -> None:
    for row in rows:
        await client.create_inference_profile(
            inferenceProfileName=row.name,
            description=row.description,
            modelSource={"copyFrom": SOURCE},
            tags=[{"key": key, "value": value} for key, value in row.tags.items()],
        )


if __name__ == "__main__":
    asyncio.run(send(int(sys.argv[1])))
