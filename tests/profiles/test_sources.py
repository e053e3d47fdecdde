"""What profiles are made from: a Region's models are asked for once, and told from an existing profile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest

from bulkprof.errors import AccessDeniedError, AmbiguousError, AwsError
from bulkprof.model import ObservedProfile, Target
from bulkprof.profiles.catalogue import FoundationModel, SystemProfile
from bulkprof.profiles.sources import ModelSources

T = TypeVar("T")

REGION = "us-east-1"
ONE, TWO = Target("111122223333", REGION), Target("444455556666", REGION)
NOVA = f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
WIDE = f"arn:aws:bedrock:{REGION}:111122223333:inference-profile/us.amazon.nova-lite-v1:0"


class Models:
    """A Region with a model and a system profile, or one whose models may not be listed."""

    def __init__(self, error: AwsError | None = None) -> None:
        self.error = error
        self.asked = 0

    async def foundation_models(self) -> list[FoundationModel]:
        self.asked += 1
        await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return [FoundationModel("amazon.nova-lite-v1:0", NOVA, frozenset({"ON_DEMAND"}), legacy=True)]

    async def system_profiles_page(self, next_token: str | None) -> tuple[list[SystemProfile], str | None]:
        return [SystemProfile("us.amazon.nova-lite-v1:0", WIDE, (NOVA, NOVA.replace("us-east-1", "us-west-2")))], None


async def call(operation: str, send: Callable[[], Awaitable[T]]) -> T:
    return await send()


def sources(told: list[str]) -> ModelSources:
    return ModelSources(lambda source, target: f"guess/{source}/{target.account}", told.append)


async def test_the_models_of_a_region_are_asked_for_once() -> None:
    models, found = Models(), sources([])
    async with anyio.create_task_group() as group:
        for target in (ONE, TWO, ONE):
            group.start_soon(found.resolver, target, models, call)
    assert models.asked == 1
    catalogue = found.catalogue(REGION)
    assert catalogue is not None
    assert set(catalogue.models) == {"amazon.nova-lite-v1:0"}
    assert found.catalogue("eu-west-1") is None


async def test_a_source_is_that_of_its_target() -> None:
    found = sources(told := [])
    resolve = await found.resolver(TWO, Models(), call)
    assert resolve("us.amazon.nova-lite-v1:0").arn == WIDE.replace(ONE.account, TWO.account)
    assert told == []
    assert resolve("amazon.nova-lite-v1:0").model_arns == {NOVA}
    assert "LEGACY" in told[0]


async def test_where_models_may_not_be_listed_sources_are_guessed_and_another_target_asks_again() -> None:
    denied, told = Models(AccessDeniedError("no", code="AccessDeniedException")), list[str]()
    found = sources(told)
    resolve = await found.resolver(ONE, denied, call)
    assert (resolve("x.y").arn, resolve("x.y").model_arns) == ("guess/x.y/111122223333", frozenset())
    assert "AccessDeniedException" in told[0]
    assert found.source_of(ONE, ObservedProfile("arn:a", "a", (NOVA,))) is None
    await found.resolver(TWO, Models(), call)
    assert found.catalogue(REGION) is not None


async def test_any_other_error_is_the_targets_own() -> None:
    found = sources([])
    with pytest.raises(AmbiguousError):
        await found.resolver(ONE, Models(AmbiguousError("no answer")), call)
    await found.resolver(ONE, Models(), call)
    assert found.catalogue(REGION) is not None


async def test_what_a_profile_was_made_from_is_told_by_its_models() -> None:
    found = sources([])
    await found.resolver(ONE, Models(), call)
    both = (NOVA, NOVA.replace("us-east-1", "us-west-2"))
    assert found.source_of(ONE, ObservedProfile("arn:a", "a", (NOVA,))) == NOVA
    assert found.source_of(ONE, ObservedProfile("arn:b", "b", both)) == WIDE
    assert found.source_of(ONE, ObservedProfile("arn:c", "c", ("arn:other",))) is None
