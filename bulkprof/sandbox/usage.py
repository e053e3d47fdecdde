"""Made-up use of profiles and models, for CloudWatch to tell."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

MOST_DAYS_AGO = 455
"""How old a row may be: CloudWatch keeps daily values so long."""
_DEMO_DAYS = (1, 2, 5, 9, 16)
"""How many days ago demo profiles were used."""


@dataclasses.dataclass(frozen=True, slots=True)
class UsageRow:
    """How much something was used on one day."""

    model: str
    """A profile's name, id or ARN, or the id of a model or of a profile that AWS defines."""
    account: str = ""
    """Where; empty for the default account."""
    region: str = "us-east-1"
    days_ago: int = 1
    invocations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    throttles: int = 0

    @classmethod
    def from_json(cls, data: object) -> UsageRow:
        """Read an object with these fields. ValueError says what is unknown, missing or wrong."""
        if not isinstance(data, Mapping):
            raise ValueError(f"a row is an object with a `model`, not {data!r}")  # noqa: TRY004 - a value of a file
        fields = {field.name: field.type for field in dataclasses.fields(cls)}
        if unknown := sorted(set(data) - set(fields)):
            raise ValueError(f"a row has no {', '.join(map(str, unknown))}; its fields are {', '.join(fields)}")
        if not data.get("model"):
            raise ValueError("a row needs a `model`: a profile's name, or a model's id")
        for name, value in data.items():
            is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            if not (isinstance(value, str) if fields[name] == "str" else is_count):
                kind = "a string" if fields[name] == "str" else "a number, 0 or more"
                raise ValueError(f"{name} is {kind}, not {value!r}")
        if data.get("days_ago", 0) > MOST_DAYS_AGO:
            raise ValueError(f"days_ago is at most {MOST_DAYS_AGO}, not {data['days_ago']}")
        return cls(**data)

    def metrics(self) -> dict[str, int]:
        """Return its values by CloudWatch's names, without those that are nothing."""
        values = {
            "Invocations": self.invocations,
            "InputTokenCount": self.input_tokens,
            "OutputTokenCount": self.output_tokens,
            "InvocationThrottles": self.throttles,
        }
        return {name: value for name, value in values.items() if value}


def read_usage(path: Path) -> tuple[UsageRow, ...]:
    """Return the rows of a JSON file. ValueError that begins with the path says what is wrong."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: is not JSON: {error}") from None
    if not isinstance(rows, list):
        raise ValueError(f'{path}: is a list of objects, such as {{"model": "search", "invocations": 20}}')  # noqa: TRY004
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(UsageRow.from_json(row))
        except ValueError as error:
            raise ValueError(f"{path}: row {number}: {error}") from None
    return tuple(found)


def demo_rows(profile_id: str, account: str, region: str, source: str, seed: int) -> Iterator[UsageRow]:
    """Yield how much a profile is used in a demo: one of five not at all, and one of ten is called past, too."""
    drawn = hashlib.blake2b(f"{seed} usage {profile_id}".encode(), digest_size=8).digest()
    if drawn[0] % 10 == 0:
        yield UsageRow(source, account, region, 1 + drawn[1] % 7, 10 + drawn[2])
    if drawn[3] % 5 == 0:
        return
    for place, days_ago in enumerate(_DEMO_DAYS[drawn[4] % 3 :]):
        calls = 5 + drawn[5] * (1 + drawn[6] % 8) // (1 + place)
        throttles = drawn[7] % 7 if drawn[7] % 4 == 0 else 0
        yield UsageRow(
            profile_id, account, region, days_ago, calls, calls * (200 + drawn[1]), calls * (60 + drawn[2]), throttles
        )
