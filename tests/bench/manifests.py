"""Manifests of any length, as an organization writes them: few values in many rows; and the config beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.server import MODEL

REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1")
CONFIG = f"""\
estate = "bench"

[models]
micro = "{MODEL}"
nova = "{MODEL}"

[organization]
role = "Bench"

[run]
max_targets_in_flight = {{in_flight}}

[plugins.naming]
template = "{{{{team}}}}-{{{{app}}}}-{{{{env}}}}-{{{{model}}}}"

[plugins.tags]
fixed = {{{{ managed-by = "platform" }}}}
columns = {{{{ Team = "team", App = "app", Environment = "env" }}}}
"""
_HEADER = "team,app,env,model,description,tag:CostCenter,tag:Owner"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, as it is written and as a plain program would send it."""

    number: int

    @property
    def values(self) -> tuple[str, str, str, str]:
        """Team, app, environment and model."""
        n = self.number
        return f"team-{n % 300}", f"app-{n}", ("dev", "test", "prod")[n % 3], ("micro", "nova")[n % 2]

    @property
    def description(self) -> str:
        """The row's description."""
        return f"Profile of team {self.number % 300}"

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that the row names itself."""
        return {"CostCenter": f"CC-{self.number % 500}", "Owner": f"owner-{self.number % 2000}@example.com"}

    @property
    def cells(self) -> str:
        """The row as a line of CSV, without its target."""
        return ",".join([*self.values, self.description, *self.own_tags.values()])

    @property
    def name(self) -> str:
        """The name that the config's rule gives it."""
        return "-".join(self.values)

    @property
    def tags(self) -> dict[str, str]:
        """All tags that the config's rules give it."""
        team, app, env, _ = self.values
        columns = {"Team": team, "App": app, "Environment": env}
        return {**self.own_tags, "managed-by": "platform", **columns, "bulkprof:estate": "bench"}


def target(number: int) -> tuple[str, str]:
    """Account and Region of one of many targets."""
    return str(111122220000 + number // len(REGIONS)), REGIONS[number % len(REGIONS)]


def write(folder: Path, rows: int, *, targets: int = 0, in_flight: int = 50) -> Path:
    """Write a config and `rows` rows, line by line; over so many `targets`, or with none named."""
    (folder / "bulkprof.toml").write_text(CONFIG.format(in_flight=in_flight))
    path = folder / "many.csv"
    with path.open("w") as file:
        file.writelines(_lines(rows, targets))
    return path


def _lines(rows: int, targets: int) -> Iterator[str]:
    yield f"{_HEADER}{',account,region' if targets else ''}\n"
    for number in range(rows):
        where = f",{','.join(target(number % targets))}" if targets else ""
        yield f"{Row(number).cells}{where}\n"
