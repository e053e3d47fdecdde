"""How many calls the sandbox allows: a token bucket per account, Region and operation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from bulkprof.sandbox.settings import Rate

CallKey = tuple[str, str, str]
"""Account, Region, operation."""


@dataclasses.dataclass(frozen=True, slots=True)
class RateRule:
    """A rate and the calls it is for; None matches any."""

    rate: Rate
    operation: str | None = None
    account: str | None = None
    region: str | None = None

    def matches(self, key: CallKey) -> bool:
        """Return whether the rule is for this account, Region and operation."""
        account, region, operation = key
        return self.account in (None, account) and self.region in (None, region) and self.operation in (None, operation)

    @property
    def weight(self) -> int:
        """How narrow the rule is: of two that match, the narrower applies."""
        return 4 * (self.account is not None) + 2 * (self.region is not None) + (self.operation is not None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RateRule:
        """Read an object: `per_second` and maybe `burst`, `operation`, `account`, `region`. ValueError on others."""
        unknown = sorted(set(data) - {"per_second", "burst", "operation", "account", "region"})
        if unknown or "per_second" not in data:
            raise ValueError(f"a rate has per_second, burst, operation, account, region; got {sorted(data)}")
        rate = Rate(float(data["per_second"]), float(data.get("burst", data["per_second"])))
        return cls(rate, data.get("operation"), data.get("account"), data.get("region"))

    def to_json(self) -> dict[str, Any]:
        """The object that `from_json` reads."""
        return {
            "per_second": self.rate.per_second,
            "burst": self.rate.burst,
            "operation": self.operation,
            "account": self.account,
            "region": self.region,
        }


class RateTable:
    """The rules and the level of every bucket. Not thread-safe; the caller locks."""

    def __init__(self, default: Rate, clock: Callable[[], float]) -> None:
        self._rules = [RateRule(default)]
        self._clock = clock
        self._chosen: dict[CallKey, Rate] = {}
        self._levels: dict[CallKey, tuple[float, float]] = {}

    @property
    def rules(self) -> tuple[RateRule, ...]:
        """The rules, the default first."""
        return tuple(self._rules)

    def set(self, rule: RateRule) -> None:
        """Put a rule in force; it replaces one for the same calls. Buckets keep what they hold, up to the new burst."""
        self._rules = [old for old in self._rules if dataclasses.replace(old, rate=rule.rate) != rule]
        self._rules.append(rule)
        self._chosen.clear()

    def take(self, key: CallKey, *, refusal_costs: bool) -> bool:
        """Use up one call; False if it is to be throttled. With `refusal_costs`, a refusal uses up allowance too."""
        rate = self._chosen.get(key)
        if rate is None:
            # max() keeps the first of equals, so search from the newest rule back.
            rate = max((rule for rule in reversed(self._rules) if rule.matches(key)), key=lambda rule: rule.weight).rate
            self._chosen[key] = rate
        now = self._clock()
        level, since = self._levels.get(key, (rate.burst, now))
        level = min(rate.burst, level + max(0.0, now - since) * rate.per_second)
        allowed = level >= 1.0
        if allowed or refusal_costs:
            # A debt of one second at most: else a client that once sent too many calls would be throttled for ever.
            level = max(level - 1.0, -rate.per_second)
        self._levels[key] = (level, now)
        return allowed
