"""What AWS says exists in one target, with as few calls as that can take.

One List call per 1,000 profiles, and one tagging call per 100 tagged ones. The tagging API may lag and never shows
a profile that was never tagged, so what it says is good enough to find that nothing is to be done, and what
would be *changed* because of it is asked for again, profile by profile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter, itemgetter
from typing import TypeVar

import anyio

from bulkprof.errors import AccessDeniedError, UnreachableError
from bulkprof.model import Action, ActionKind, ObservedProfile
from bulkprof.pages import Send, whole_list
from bulkprof.profiles.api import Reads
from bulkprof.profiles.operations import Operation

T = TypeVar("T")

WIDTH = 16
"""Profiles of one target that are asked for at once."""


async def observe(
    api: Reads, call: Send, names: Collection[str] | None = None, *, owned: bool = False, others: bool = False
) -> list[ObservedProfile]:
    """List the target's profiles, with the tags of those in `names`, by default of all.

    `owned` looks for profiles that carry tags among the others, too; `others` does so where the tagging API is allowed,
    and asks for none of them one by one. A profile that the index doesn't show was never tagged, or a moment ago: its
    owner isn't known, and so it keeps `tags=None`, as those whose tags aren't asked for.
    """
    profiles = await whole_list(call, Operation.LIST, api.list_page, attrgetter("arn"))
    needed = [profile.arn for profile in profiles if names is None or profile.name in names]
    if not (needed or ((owned or others) and profiles)):
        return profiles
    tags = await _all_tags(api, call)
    if tags is None:
        return await with_tags_confirmed(api, call, profiles, [p.arn for p in profiles] if owned else needed)
    unknown = [arn for arn in needed if arn not in tags]
    joined = [replace(profile, tags=tags.get(profile.arn)) for profile in profiles]
    return await with_tags_confirmed(api, call, joined, unknown)


async def with_tags_confirmed(
    api: Reads, call: Send, profiles: Sequence[ObservedProfile], arns: Iterable[str]
) -> list[ObservedProfile]:
    """The same profiles, with the tags of `arns` asked for one by one."""
    asked = list(dict.fromkeys(arns))
    if not asked:
        return list(profiles)
    answers = await gathered([partial(call, Operation.TAGS_OF, partial(api.tags_of, arn)) for arn in asked])
    fresh: dict[str, dict[str, str]] = dict(zip(asked, answers, strict=True))
    return [replace(p, tags=fresh[p.arn]) if p.arn in fresh else p for p in profiles]


async def look_up(api: Reads, call: Send, arns: Iterable[str]) -> list[ObservedProfile]:
    """Profiles by ARN, with their tags. Raises `NotFoundError` when one of them isn't there (yet)."""
    found: list[ObservedProfile] = await gathered([partial(call, Operation.GET, partial(api.get, arn)) for arn in arns])
    return await with_tags_confirmed(api, call, found, [profile.arn for profile in found])


def to_confirm(actions: Iterable[Action], observed: Sequence[ObservedProfile]) -> list[str]:
    """The ARNs whose tags decide a change: what tags that lag could make us do wrongly.

    Where a profile goes, or a wanted name has several, all of the name decide: another one has to be what stays, and
    only tags say which one was replaced.
    """
    planned = list(actions)
    deciding = {ActionKind.UPDATE, ActionKind.ADOPT, ActionKind.DELETE, ActionKind.REPLACE}
    chosen = [action for action in planned if action.arn and (action.kind in deciding or action.refusal)]
    names = {action.name for action in chosen if action.kind in {ActionKind.DELETE, ActionKind.REPLACE}}
    several = Counter(profile.name for profile in observed)
    names.update(action.name for action in planned if several[action.name] > 1)
    arns = [action.arn for action in chosen]
    return list(dict.fromkeys([*arns, *(profile.arn for profile in observed if profile.name in names)]))


async def _all_tags(api: Reads, call: Send) -> dict[str, dict[str, str]] | None:
    """Every tagged profile's tags by ARN, or None where the tagging API is denied."""
    try:
        return dict(await whole_list(call, Operation.TAGGED, api.tagged_page, itemgetter(0)))
    except (AccessDeniedError, UnreachableError):
        # Denied, or a network without a way to that service: profiles are asked one by one.
        return None


async def gathered(sends: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """All answers, in order, a few calls at once; the first error is raised as it is, not in a group."""
    answers: dict[int, T] = {}
    errors: list[Exception] = []
    numbered = iter(enumerate(sends))

    async def work() -> None:
        for index, send in numbered:
            if errors:
                return
            try:
                answers[index] = await send()
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(min(WIDTH, len(sends))):
            group.start_soon(work)
    if errors:
        raise errors[0]
    return [answers[index] for index in range(len(sends))]
