"""An AWS in memory: one target's profiles, and calls that answer as a test's script says and then as AWS would."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast

import anyio.lowlevel

from bulkprof.errors import AmbiguousError, ConflictError, NotFoundError
from bulkprof.model import ObservedProfile
from tests.factories import OURS


@dataclass(frozen=True, slots=True)
class After:
    """A script's step: the work is done, and then the answer is this error."""

    error: Exception


Step = Exception | After | Callable[[], Awaitable[None]] | None
"""A script's step: an error instead of the work, an error after it, something to wait for first, or just the work."""


@dataclass
class FakeAws:
    """One target's profiles and the calls on them, each answered as scripted, then as AWS would."""

    unique_names: bool = True
    remembers_tokens: bool = True
    profiles: dict[str, ObservedProfile] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """ARNs that lists don't show yet."""
    hides_new: bool = False
    tokens: dict[str, str] = field(default_factory=dict)
    sent_tokens: list[str] = field(default_factory=list)
    scripts: dict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    calls: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    before: Callable[[str, str], Awaitable[None]] | None = None
    """Awaited with the operation and the name or ARN before anything else."""

    def script(self, operation: str, *steps: Step) -> None:
        """The next answers of an operation."""
        self.scripts[operation].extend(steps)

    def there(self, name: str, *, tags: Mapping[str, str] = OURS, source: str = "lite", arn: str = "") -> str:
        """Put a profile there, and return its ARN."""
        arn = arn or f"arn:{name}-{len(self.profiles)}"
        self.profiles[arn] = ObservedProfile(arn, name, (f"model/{source}",), tags=dict(tags))
        return arn

    def names(self) -> Counter[str]:
        """How many profiles each name has."""
        return Counter(each.name for each in self.profiles.values())

    async def _answer(self, operation: str, what: str, work: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        await anyio.lowlevel.checkpoint()
        if self.before is not None:
            await self.before(operation, what)
        step = self.scripts[operation].popleft() if self.scripts[operation] else None
        if isinstance(step, Exception):
            raise step
        if step is not None and not isinstance(step, After):
            await step()
        answer = work()
        if isinstance(step, After):
            raise step.error
        return answer

    async def create(
        self, *, name: str, source_arn: str, description: str | None, tags: Mapping[str, str], token: str
    ) -> str:
        def work() -> str:
            if self.remembers_tokens and token in self.tokens:
                return self.tokens[token]
            if self.unique_names and self.names()[name]:
                raise ConflictError("the name is taken", code="ConflictException")
            arn = self.there(
                name, tags=tags, source=source_arn.rpartition("/")[2], arn=f"arn:made-{next(self.numbers)}"
            )
            self.tokens[token] = arn
            if self.hides_new:
                self.hidden.add(arn)
            return arn

        self.sent_tokens.append(token)
        return cast("str", await self._answer("create", name, work))

    async def delete(self, arn: str) -> None:
        def work() -> None:
            if self.profiles.pop(arn, None) is None:
                raise NotFoundError("not there", code="ResourceNotFoundException")

        await self._answer("delete", arn, work)

    async def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        await self._answer("tag", arn, lambda: self._retag(arn, {**(self.profiles[arn].tags or {}), **tags}))

    async def untag(self, arn: str, keys: Sequence[str]) -> None:
        def work() -> None:
            self._retag(arn, {k: v for k, v in (self.profiles[arn].tags or {}).items() if k not in keys})

        await self._answer("untag", arn, work)

    async def list_page(self, next_token: str | None) -> tuple[list[ObservedProfile], str | None]:
        def work() -> tuple[list[ObservedProfile], None]:
            return [replace(p, tags=None) for p in self.profiles.values() if p.arn not in self.hidden], None

        return cast("tuple[list[ObservedProfile], None]", await self._answer("list", "", work))

    async def tags_of(self, arn: str) -> dict[str, str]:
        return dict(await self._answer("tags_of", arn, lambda: self.profiles[arn].tags or {}))

    async def get(self, arn: str) -> ObservedProfile:
        raise NotImplementedError

    async def tagged_page(self, next_token: str | None) -> tuple[list[tuple[str, dict[str, str]]], str | None]:
        raise NotImplementedError

    def _retag(self, arn: str, tags: Mapping[str, str]) -> None:
        self.profiles[arn] = replace(self.profiles[arn], tags=dict(tags))


def cut(code: str = "ReadTimeout") -> AmbiguousError:
    """A lost answer."""
    return AmbiguousError("no answer", code=code)
