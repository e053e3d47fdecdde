"""How fast rows become requests and desired profiles: `python -m tests.bench.validate [ROWS]`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio

from bulkprof.config import Settings
from bulkprof.intake import Rejected, builtin_readers, read_requests
from bulkprof.plugins.registry import Registry
from bulkprof.rules import Rules

MODELS = {"haiku": "anthropic.claude-3-haiku-20240307-v1:0", "nova": "us.amazon.nova-lite-v1:0"}
NAMING = {"template": "{team}-{app}-{env}-{model}"}
TAGS: dict[str, Any] = {
    "fixed": {"managed-by": "platform"},
    "columns": {"Team": "team", "App": "app", "Environment": "env"},
}


def write_manifest(path: Path, rows: int) -> None:
    """A manifest as an organization writes it: few values in many rows."""
    with path.open("w") as file:
        file.write("team,app,env,model,description,account,region,tag:CostCenter,tag:Owner\n")
        for row in range(rows):
            file.write(
                f"team-{row % 300},app-{row},{('dev', 'test', 'prod')[row % 3]},{('haiku', 'nova')[row % 2]},"
                f"Profile of team {row % 300},{111122220000 + row % 200},{('us-east-1', 'eu-west-1')[row % 2]},"
                f"CC-{row % 500},owner-{row % 2000}@example.com\n"
            )


async def measure(path: Path, rules: Rules | None) -> tuple[int, float]:
    """Rows that came out sound, and the seconds that it took."""
    started = time.perf_counter()
    sound = 0
    async for batch in read_requests([str(path)], builtin_readers()):
        for item in batch:
            if isinstance(item, Rejected):
                raise SystemExit(str(item.problems[0]))
            if rules is None:
                sound += 1
                continue
            expansion = rules.expand(item)
            if expansion.problems:
                raise SystemExit(str(expansion.problems[0]))
            sound += len(expansion.profiles)
    return sound, time.perf_counter() - started


def main() -> None:
    """Measure reading alone, then the rules without plugins, then with the first-party ones."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    settings = Settings(models=MODELS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.csv"
        write_manifest(path, rows)
        naming = Registry({"naming": NAMING}, Path(folder))
        both = Registry({"naming": NAMING, "tags": TAGS}, Path(folder))
        for label, rules in (
            ("CSV -> Request", None),
            ("CSV -> DesiredProfile, naming", Rules(settings, naming, account="111122223333", region="us-east-1")),
            ("CSV -> DesiredProfile, naming and tags", Rules(settings, both)),
        ):
            sound, seconds = min((anyio.run(measure, path, rules) for _ in range(3)), key=lambda found: found[1])
            print(f"{label:<40} {sound / seconds:>9,.0f} rows/s   {seconds / sound * 1e6:5.1f} us a row")


if __name__ == "__main__":
    main()
