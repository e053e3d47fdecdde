"""Each open question about AWS, answered both ways."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses

TOKEN = "run-1-team-a"


def test_names_are_unique_or_not(make: Any) -> None:
    sandbox, aws = make()
    first = aws.create("team-a")
    assert aws.code_of(lambda: aws.create("team-a")) == "ConflictException"
    aws.create("team-a", "arn:aws:bedrock:eu-west-1::foundation-model/zai.glm-4.7", client=aws(region="eu-west-1"))
    sandbox.set_hypotheses(Hypotheses(unique_names=False))
    assert aws.create("team-a") != first
    assert sandbox.ledger().duplicates() == [("123456789012", "us-east-1", "team-a")]


def test_a_deleted_name_is_free_again(make: Any) -> None:
    _, aws = make()
    arn = aws.create("team-a")
    aws().delete_inference_profile(inferenceProfileIdentifier=arn)
    assert aws.create("team-a") != arn


@pytest.mark.parametrize("memory", [None, 60.0, 0.0])
def test_tokens_are_remembered_for_so_long(make: Any, clock: Any, memory: float | None) -> None:
    _, aws = make(hypotheses=Hypotheses(unique_names=False, token_memory_s=memory))
    first = aws.create(clientRequestToken=TOKEN)
    again = aws.create(clientRequestToken=TOKEN)
    assert (again == first) == (memory != 0)
    clock.advance(61)
    assert (aws.create(clientRequestToken=TOKEN) == first) == (memory is None)


def test_a_token_with_other_parameters(make: Any) -> None:
    sandbox, aws = make()
    first = aws.create("team-a", clientRequestToken=TOKEN)
    assert aws.create("team-b", clientRequestToken=TOKEN) == first
    sandbox.set_hypotheses(Hypotheses(token_mismatch="refuse"))
    assert aws.code_of(lambda: aws.create("team-b", clientRequestToken=TOKEN)) == "ConflictException"
    assert aws.create("team-a", clientRequestToken=TOKEN) == first
    assert len(sandbox.ledger().profiles) == 1


@pytest.mark.parametrize("survives", [True, False])
def test_a_token_after_the_delete(make: Any, survives: bool) -> None:
    _, aws = make(hypotheses=Hypotheses(token_survives_delete=survives))
    first = aws.create(clientRequestToken=TOKEN)
    aws().delete_inference_profile(inferenceProfileIdentifier=first)
    assert (aws.create(clientRequestToken=TOKEN) == first) is survives


def test_listing_lags_for_new_and_deleted(make: Any, clock: Any) -> None:
    _, aws = make(hypotheses=Hypotheses(list_lag_s=10))
    arn = aws.create("team-a")
    assert aws.names() == []
    clock.advance(10)
    assert aws.names() == ["team-a"]
    aws().delete_inference_profile(inferenceProfileIdentifier=arn)
    assert aws.names() == ["team-a"]
    clock.advance(10)
    assert aws.names() == []


def test_get_lags_behind_create(make: Any, clock: Any) -> None:
    _, aws = make(hypotheses=Hypotheses(get_lag_s=5))
    arn = aws.create()
    for operation in (
        lambda: aws().get_inference_profile(inferenceProfileIdentifier=arn),
        lambda: aws().list_tags_for_resource(resourceARN=arn),
        lambda: aws().delete_inference_profile(inferenceProfileIdentifier=arn),
    ):
        assert aws.code_of(operation) == "ResourceNotFoundException"
    clock.advance(5)
    assert aws().get_inference_profile(inferenceProfileIdentifier=arn)["status"] == "ACTIVE"


@pytest.mark.parametrize("immediate", [True, False])
def test_tags_lag_in_the_tagging_api(make: Any, clock: Any, immediate: bool) -> None:
    _, aws = make(hypotheses=Hypotheses(tag_lag_s=30, list_tags_immediate=immediate))
    arn = aws.create(tags=[{"key": "team", "value": "a"}])
    assert aws.tagged() == []
    shown = aws().list_tags_for_resource(resourceARN=arn)["tags"]
    assert bool(shown) is immediate
    clock.advance(30)
    assert aws.tagged() == [arn]
    aws().delete_inference_profile(inferenceProfileIdentifier=arn)
    assert aws.tagged() == [arn]
    clock.advance(30)
    assert aws.tagged() == []


def test_transient_conflicts_clear_when_sent_again(make: Any) -> None:
    sandbox, aws = make(hypotheses=Hypotheses(transient_conflicts=1.0))
    assert aws.code_of(lambda: aws.create(clientRequestToken=TOKEN)) == "ConflictException"
    assert aws.create(clientRequestToken=TOKEN)
    assert len(sandbox.ledger().live) == 1


def test_a_share_of_transient_conflicts_follows_the_seed(make: Any) -> None:
    def conflicted(seed: int) -> list[str]:
        sandbox, aws = make(seed=seed, hypotheses=Hypotheses(transient_conflicts=0.5))
        for index in range(20):
            try:
                aws.create(f"team-{index}")
            except aws().exceptions.ConflictException:
                continue
        return [profile.name for profile in sandbox.ledger().profiles]

    assert conflicted(1) == conflicted(1) != conflicted(2)
    assert 2 < len(conflicted(1)) < 18


def test_unknown_and_impossible_hypotheses_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown hypothesis names_unique"):
        Hypotheses.from_json({"names_unique": True})
    with pytest.raises(ValueError, match="share"):
        Hypotheses(transient_conflicts=2)
    with pytest.raises(ValueError, match="token_mismatch"):
        Hypotheses.from_json({"token_mismatch": "shrug"})
    assert Hypotheses.from_json({"list_lag_s": 1}, base=Hypotheses(get_lag_s=2)) == Hypotheses(
        list_lag_s=1, get_lag_s=2
    )
