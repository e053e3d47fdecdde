"""How much profiles are used, and what is invoked past them: sums of CloudWatch's daily values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

MOST_DAYS: Final = 455
"""Days for which CloudWatch keeps daily values."""
_MODEL_KINDS: Final = frozenset({"foundation-model", "inference-profile"})


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, UTC; the last one is today, as far as it has come."""

    first: date
    days: int

    @classmethod
    def until(cls, today: date, days: int) -> Period:
        """Return the last `days` days. Raises `ValueError` for more or less than CloudWatch keeps."""
        if not 1 <= days <= MOST_DAYS:
            raise ValueError(f"must be from 1 to {MOST_DAYS}: CloudWatch keeps daily values that long")
        return cls(today - timedelta(days=days - 1), days)

    @property
    def start(self) -> datetime:
        """The moment at which it begins."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The moment at which it ends: the next midnight."""
        return self.start + timedelta(days=self.days)

    def __str__(self) -> str:
        return f"{self.first} to {self.first + timedelta(days=self.days - 1)}"


@dataclass(frozen=True, slots=True)
class Use:
    """How much something was used in a period."""

    invocations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    throttles: int = 0
    last_used: date | None = None
    """The last day with an invocation."""

    @property
    def is_none(self) -> bool:
        """Whether there was neither an invocation nor a throttle."""
        return not self.invocations and not self.throttles

    def __add__(self, other: Use) -> Use:
        days = [day for day in (self.last_used, other.last_used) if day is not None]
        return Use(
            self.invocations + other.invocations,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.throttles + other.throttles,
            max(days, default=None),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "invocations": self.invocations,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "throttles": self.throttles,
            "last_used": self.last_used.isoformat() if self.last_used else None,
        }


@dataclass(frozen=True, slots=True)
class ProfileUse:
    """A profile of the estate, and how much it was used."""

    name: str
    arn: str
    account: str
    region: str
    tags: Mapping[str, str]
    use: Use
    retiring: bool = False
    """Whether it was replaced, and is kept for a while for callers that have its ARN."""

    @property
    def id(self) -> str:
        """The id that AWS gave it: the end of its ARN."""
        return self.arn.rpartition("/")[2]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        who = {"id": self.id, "arn": self.arn, "name": self.name, "account": self.account, "region": self.region}
        return {**who, **self.use.as_json(), "retiring": self.retiring}


@dataclass(frozen=True, slots=True)
class PastUse:
    """A model that was invoked without a profile of the user's."""

    account: str
    region: str
    model: str
    """The id of a foundation model, or of a profile that AWS defines."""
    invocations: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {"account": self.account, "region": self.region, "model": self.model, "invocations": self.invocations}


@dataclass(frozen=True, slots=True)
class Group:
    """The use of all profiles that have one value of a field."""

    value: str
    """Empty for profiles that lack it."""
    profiles: int
    use: Use

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {"value": self.value, "profiles": self.profiles, **self.use.as_json()}


@dataclass(slots=True)
class Usage:
    """What was used in a period."""

    period: Period
    profiles: list[ProfileUse] = field(default_factory=list)
    past: list[PastUse] = field(default_factory=list)

    def sort(self) -> None:
        """Put what is used most first."""
        self.profiles.sort(key=lambda each: (-each.use.invocations, each.account, each.region, each.name, each.arn))
        self.past.sort(key=lambda each: (-each.invocations, each.account, each.region, each.model))

    @property
    def total(self) -> Use:
        """What all profiles were used."""
        return sum((each.use for each in self.profiles), Use())

    @property
    def unused(self) -> list[ProfileUse]:
        """The profiles without an invocation or a throttle."""
        return [each for each in self.profiles if each.use.is_none]

    @property
    def past_invocations(self) -> int:
        """The invocations past profiles."""
        return sum(each.invocations for each in self.past)

    @property
    def everything(self) -> int:
        """All invocations, through profiles and past them."""
        return sum(each.use.invocations for each in self.profiles) + self.past_invocations

    @property
    def past_share(self) -> float:
        """Which part of all invocations goes past profiles, from 0 to 1."""
        return share(self.past_invocations, self.everything)

    def by(self, name: str) -> list[Group]:
        """Return sums by `account`, `region` or `tag:KEY`, the largest first."""
        value_of = grouping(name)
        groups: dict[str, list[Use]] = {}
        for each in self.profiles:
            groups.setdefault(value_of(each), []).append(each.use)
        found = [Group(value, len(uses), sum(uses, Use())) for value, uses in groups.items()]
        return sorted(found, key=lambda group: (-group.use.invocations, group.value))


def share(part: int, everything: int) -> float:
    """Return which part of everything that is, from 0 to 1."""
    return part / everything if everything else 0.0


def grouping(name: str) -> Callable[[ProfileUse], str]:
    """Return what gives a profile's value of a field. Raises `ValueError` that lists the fields."""
    if name == "account":
        return lambda each: each.account
    if name == "region":
        return lambda each: each.region
    key = name.removeprefix("tag:")
    if key and key != name:
        return lambda each: each.tags.get(key, "")
    raise ValueError(f"{name!r} is no field; the fields are account, region and tag:KEY")


Days = Mapping[date, float]
"""A metric's sums by day."""


def use_of(
    invocations: Iterable[Days], tokens_in: Iterable[Days], tokens_out: Iterable[Days], throttles: Iterable[Days]
) -> Use:
    """Add up the series of each metric."""
    calls = list(invocations)
    used = [day for days in calls for day, value in days.items() if value > 0]
    return Use(_sum(calls), _sum(tokens_in), _sum(tokens_out), _sum(throttles), max(used, default=None))


def _sum(series: Iterable[Days]) -> int:
    return round(sum(sum(days.values()) for days in series))


def apart(series: Mapping[str, Days]) -> list[str]:
    """Return the names whose series count, of those of one profile (its id and its ARN).

    AWS doesn't document by which one a profile goes. Two series that are alike are one that is published twice.
    """
    found: list[str] = []
    for name, days in series.items():
        if days and all(days != series[other] for other in found):
            found.append(name)
    return found


def model_named(dimension: str) -> str:
    """Return the id of the foundation model or of AWS's own profile that CloudWatch means; empty for anything else.

    That is an application profile, of which none has a dot in its id, or what can't be called through one.
    """
    if dimension.startswith("arn:"):
        kind, _, identity = dimension.split(":", 5)[-1].partition("/")
        return identity if kind in _MODEL_KINDS else ""
    return dimension if "." in dimension and "/" not in dimension else ""
