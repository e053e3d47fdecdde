"""Faults that are injected on purpose: into which calls, what happens, and how often."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.wire import Call, Response

BEFORE: Final = frozenset(
    {
        "cut_before",
        "delay_before",
        "throttle",
        "error_before",
        "unavailable",
        "access_denied",
        "expired_token",
        "conflict",
    }
)
"""Faults before the sandbox does any work; all but delay_before also prevent it."""
USUAL_DELAY_S: Final = 1.0
"""How late a delay is that was given by its name alone."""
AFTER: Final = frozenset(
    {"cut_after", "delay_after", "error_after", "truncate_empty", "truncate_half", "truncate_short"}
)
"""Faults when the work is done and stored, but the response isn't sent yet."""
INSTEAD: Final = frozenset({"half_accepted"})
"""Faults that take the place of the work."""
_KINDS: Final = BEFORE | AFTER | INSTEAD

_ERRORS: Final = {
    "throttle": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "error_before": ("InternalServerException", "An internal server error occurred. Try again later."),
    "error_after": ("InternalServerException", "An internal server error occurred. Try again later."),
    "unavailable": ("ServiceUnavailableException", "Service is unable to handle the request."),
    "access_denied": ("AccessDeniedException", "User is not authorized to perform this action."),
    "expired_token": ("ExpiredTokenException", "The security token included in the request is expired"),
    "conflict": ("ConflictException", "Another operation is in progress. Try again later."),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One fault. It strikes the calls that match: all of them, unless nth, share or times limits it.

    - `cut_before`, `cut_after`: the connection is cut before or after the work.
    - `delay_before`, `delay_after`: the work, or the response, is `delay_s` late.
    - `truncate_empty`: the success has the body `{}`; `truncate_half`: half of its JSON;
      `truncate_short`: half of its body and then the connection ends, before its Content-Length.
    - `throttle` 429, `error_before` 500, `error_after` 500 after the work, `unavailable` 503,
      `access_denied` 403, `expired_token` 403, `conflict` 400.
    - `half_accepted`: of the entries of one PutEvents, every other one is refused, the first among them.
    """

    kind: str
    operation: str | None = None
    account: str | None = None
    region: str | None = None
    name: str | None = None
    """Only calls whose inferenceProfileName is this."""
    nth: int | None = None
    """Only the nth matching call, counted from 1."""
    share: float | None = None
    """Only this share (0 to 1) of the matching calls, drawn from the sandbox's seed."""
    times: int | None = None
    """At most this many times."""
    delay_s: float = 0.0
    """For the delays."""
    message: str | None = None
    """The message of errors, in place of AWS's usual one."""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; known are {', '.join(sorted(_KINDS))}")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(f"a fault's share is from 0 to 1, not {self.share}")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `KIND` or `KIND=SHARE`, such as `throttle=0.1`. ValueError on an unknown kind or a wrong share."""
        kind, given, share = text.partition("=")
        try:
            part = float(share) if given else None
        except ValueError:
            raise ValueError(f"a fault's share is a number from 0 to 1, not {share!r}") from None
        return cls(kind.strip(), share=part, delay_s=USUAL_DELAY_S)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """Read an object with these fields; ValueError names what is unknown or missing."""
        unknown = sorted(set(data) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"a fault has no {', '.join(unknown)}")
        if "kind" not in data:
            raise ValueError("a fault needs a kind")
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The object that `from_json` reads."""
        return dataclasses.asdict(self)

    def matches(self, call: Call) -> bool:
        """Return whether the fault may strike the call."""
        return (
            self.operation in (None, call.operation)
            and self.account in (None, call.account)
            and self.region in (None, call.region)
            and (self.name is None or self.name == call.params.get("inferenceProfileName"))
        )

    def error(self) -> ApiError | None:
        """Return the error that the fault responds with, if it does that."""
        known = _ERRORS.get(self.kind)
        if known is None:
            return None
        code, usual = known
        return ApiError(code, usual if self.message is None else self.message)

    def truncate(self, response: Response) -> None:
        """Cut the response's body, if the fault is a truncation that leaves the HTTP message complete."""
        if self.kind == "truncate_empty":
            response.body = b"{}"
        elif self.kind == "truncate_half":
            response.body = response.body[: len(response.body) // 2]


class FaultScript:
    """The active faults, with their counts. Not thread-safe; the caller locks."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._faults: list[Fault] = []
        self._seen: list[int] = []
        self._struck: list[int] = []
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, not secrets

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The active faults."""
        return tuple(self._faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults and start counting anew."""
        self._faults = list(faults)
        self._random = random.Random(self._seed)  # noqa: S311 - repeatable faults, not secrets
        self._seen = [0] * len(self._faults)
        self._struck = [0] * len(self._faults)

    def pick(self, call: Call) -> tuple[Fault, ...]:
        """Return the faults that strike this call. To be called once for each call, as it counts them."""
        return tuple(fault for index, fault in enumerate(self._faults) if fault.matches(call) and self._due(index))

    def _due(self, index: int) -> bool:
        fault = self._faults[index]
        self._seen[index] += 1
        due = (
            (fault.nth is None or fault.nth == self._seen[index])
            and (fault.times is None or self._struck[index] < fault.times)
            and (fault.share is None or self._random.random() < fault.share)
        )
        self._struck[index] += due
        return due
