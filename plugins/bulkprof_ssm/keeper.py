"""The parameters of one account in one Region: reads ten at once, and writes and deletes only what isn't as it should.

A parameter is bulkprof's own if it has the tag `bulkprof:estate` with the run's estate, which it gets when it is made.
That is looked up only for one that is to be overwritten or deleted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import anyio

from bulkprof.plugins import AwsError, PacedClient

T = TypeVar("T")

TAG: Final = "bulkprof:estate"
AT_ONCE: Final = 10
"""Names in one call."""
_OPERATIONS: Final = frozenset({"DeleteParameters", "GetParameters", "ListTagsForResource", "PutParameter"})
_FULL: Final = "ParameterLimitExceeded"
_EXISTS: Final = "ParameterAlreadyExists"
_NONE: Final = "InvalidResourceId"
_OF_ONE: Final = frozenset(
    {
        _EXISTS,
        "HierarchyLevelLimitExceededException",
        "HierarchyTypeMismatchException",
        "ParameterMaxVersionLimitExceeded",
        "ParameterPatternMismatchException",
        "TooManyUpdates",
        "ValidationException",
    }
)
"""Errors that say nothing of the other parameters."""


class Keeper:
    """Brings the parameters of one place up to date."""

    def __init__(self, ssm: PacedClient, place: str, estate: str, tier: str | None) -> None:
        self._ssm = ssm
        self._place = place
        self._estate = estate
        self._tier = {"Tier": tier} if tier else {}
        self._given_up = False
        self._not_made = 0
        self.faults: list[str] = []
        """What could not be done, a line each."""

    async def keep(self, wanted: Mapping[str, str], gone: Mapping[str, frozenset[str]]) -> None:
        """Let the parameters `wanted` hold these ARNs, and delete those of `gone` that hold one of these ARNs."""
        for names in _in_tens(wanted):
            async with anyio.create_task_group() as group:
                if (values := await self._guarded(partial(self._values, names))) is None:
                    break
                for name in names:
                    value = values.get(name)
                    if value is None:
                        group.start_soon(self._guarded, partial(self._create, name, wanted[name]), name)
                    elif value != wanted[name]:
                        group.start_soon(self._guarded, partial(self._move, name, wanted[name]), name)
        for names in _in_tens(gone):
            values = await self._guarded(partial(self._values, names)) or {}
            stale = [name for name in names if values.get(name) in gone[name]]
            await self._guarded(partial(self._delete, stale))
        if self._not_made:
            self.faults.append(
                f"{self._place}: {_FULL}: {self._not_made} parameters were not made, as the account has no room for "
                "more in this Region; set `tier` under [plugins.ssm] to Advanced, or remove some"
            )

    async def _values(self, names: Sequence[str]) -> Mapping[str, str]:
        answer = await self._ssm.call("GetParameters", Names=list(names))
        return {each["Name"]: each["Value"] for each in answer.get("Parameters", ())}

    async def _create(self, name: str, arn: str) -> None:
        if self._not_made:
            # There is no room for any.
            self._not_made += 1
            return
        tags = [{"Key": TAG, "Value": self._estate}]
        try:
            await self._ssm.call("PutParameter", Name=name, Value=arn, Type="String", Tags=tags, **self._tier)
        except AwsError as error:
            if error.code == _FULL:
                self._not_made += 1
                return
            if error.code != _EXISTS:
                raise
            # It was made meanwhile: by others, or by this call, whose first answer was lost.
            if (await self._values([name])).get(name) != arn:
                await self._move(name, arn)

    async def _move(self, name: str, arn: str) -> None:
        if await self._is_ours(name):
            await self._ssm.call("PutParameter", Name=name, Value=arn, Overwrite=True, **self._tier)
            return
        self.faults.append(
            f"{self._place}: {name} was not made by this estate and is left as it is; remove it, or tag it "
            f"{TAG} = {self._estate} to hand it over"
        )

    async def _delete(self, names: Sequence[str]) -> None:
        if ours := [name for name in names if await self._is_ours(name)]:
            await self._ssm.call("DeleteParameters", Names=ours)

    async def _is_ours(self, name: str) -> bool:
        try:
            answer = await self._ssm.call("ListTagsForResource", ResourceType="Parameter", ResourceId=name)
        except AwsError as error:
            if error.code == _NONE:
                # Others have deleted it meanwhile.
                return False
            raise
        return {"Key": TAG, "Value": self._estate} in answer.get("TagList", ())

    async def _guarded(self, work: Callable[[], Awaitable[T]], name: str = "") -> T | None:
        """Do `work` and return its result; what it raises becomes a line of `faults`.

        After an error that all the others would meet, nothing more is sent.
        """
        if self._given_up:
            return None
        try:
            return await work()
        except AwsError as error:
            if error.code in _OF_ONE and name:
                self.faults.append(f"{self._place}: {name}: {error.code}: {error.message}")
            elif not self._given_up:
                self._given_up = True
                self.faults.append(_told(error))
        return None


def _told(error: AwsError) -> str:
    if "AccessDenied" in error.code and error.operation in _OPERATIONS:
        return f"{error}; allow ssm:{error.operation} (`bulkprof iam-policy` writes all that is needed)"
    return str(error)


def _in_tens(names: Mapping[str, object]) -> Iterator[Sequence[str]]:
    every = list(names)
    for start in range(0, len(every), AT_ONCE):
        yield every[start : start + AT_ONCE]
