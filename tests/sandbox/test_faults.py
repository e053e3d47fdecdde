"""What goes wrong on purpose, and what the ledger says of it afterwards."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from bulkprof.sandbox import Fault
from bulkprof.sandbox.state.store import ProfileStore

AMBIGUOUS = (ConnectionClosedError, HTTPClientError)


@pytest.mark.parametrize(("kind", "made"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_may_hide_a_create(make: Any, kind: str, made: int) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault(kind)])
    with pytest.raises(AMBIGUOUS):
        aws.create()
    ledger = sandbox.ledger()
    assert len(ledger.live) == made
    assert ledger.count("CreateInferenceProfile", kind) == 1


def test_an_answer_that_ends_too_early_says_no_arn(make: Any) -> None:
    """botocore takes it for a cut connection, and from 1.43.115 on for a success without members."""
    sandbox, aws = make()
    sandbox.set_faults([Fault("truncate_short")])
    try:
        arn = aws.create()
    except AMBIGUOUS:
        arn = None
    assert arn is None
    ledger = sandbox.ledger()
    assert len(ledger.live) == 1
    assert ledger.count("CreateInferenceProfile", "truncate_short") == 1


@pytest.mark.parametrize("kind", ["truncate_empty", "truncate_half"])
def test_a_truncated_success_parses_without_an_arn(make: Any, kind: str) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault(kind)])
    assert aws.create() is None
    assert len(sandbox.ledger().live) == 1


@pytest.mark.parametrize(
    ("kind", "code", "status", "made"),
    [
        ("throttle", "ThrottlingException", 429, 0),
        ("error_before", "InternalServerException", 500, 0),
        ("error_after", "InternalServerException", 500, 1),
        ("unavailable", "ServiceUnavailableException", 503, 0),
        ("access_denied", "AccessDeniedException", 403, 0),
        ("expired_token", "ExpiredTokenException", 403, 0),
        ("conflict", "ConflictException", 400, 0),
    ],
)
def test_errors_before_and_after_the_work(make: Any, kind: str, code: str, status: int, made: int) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault(kind)])
    error = aws().exceptions.ClientError
    with pytest.raises(error) as caught:
        aws.create()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(sandbox.ledger().live) == made


def test_a_delay_after_the_work_outlasts_the_client(make: Any, boto_session: Any) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault("delay_after", delay_s=30)])
    config = Config(read_timeout=0.1, retries={"total_max_attempts": 1})
    impatient = boto_session.create_client(
        "bedrock",
        "us-east-1",
        endpoint_url=sandbox.url,
        config=config,
        aws_access_key_id="AKIA",
        aws_secret_access_key="x",
    )
    with pytest.raises(ReadTimeoutError):
        aws.create(client=impatient)
    impatient.close()
    assert len(sandbox.ledger().live) == 1


def test_a_delay_before_the_work_commits_after_the_client_left(
    make: Any, boto_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox, aws = make()
    committed = threading.Event()
    create = ProfileStore.create

    def watched(*arguments: Any) -> Any:
        made = create(*arguments)
        committed.set()
        return made

    monkeypatch.setattr(ProfileStore, "create", watched)
    sandbox.set_faults([Fault("delay_before", delay_s=0.3)])
    config = Config(read_timeout=0.05, retries={"total_max_attempts": 1})
    impatient = boto_session.create_client(
        "bedrock",
        "us-east-1",
        endpoint_url=sandbox.url,
        config=config,
        aws_access_key_id="AKIA",
        aws_secret_access_key="x",
    )
    with pytest.raises(ReadTimeoutError):
        aws.create(client=impatient)
    impatient.close()
    assert not sandbox.ledger().live
    assert committed.wait(5)
    assert len(sandbox.ledger().live) == 1


def test_faults_strike_the_calls_they_name(make: Any) -> None:
    sandbox, aws = make()
    sandbox.set_faults(
        [
            Fault("conflict", operation="CreateInferenceProfile", nth=2),
            Fault("throttle", operation="ListInferenceProfiles", times=1),
            Fault("access_denied", name="forbidden"),
            Fault("access_denied", region="eu-west-1"),
            Fault("access_denied", account="210987654321"),
        ]
    )
    aws.create("one")
    assert aws.code_of(lambda: aws.create("two")) == "ConflictException"
    aws.create("two")
    assert aws.code_of(aws.names) == "ThrottlingException"
    assert aws.names() == ["one", "two"]
    assert aws.code_of(lambda: aws.create("forbidden")) == "AccessDeniedException"
    assert aws.code_of(aws(region="eu-west-1").list_foundation_models) == "AccessDeniedException"
    member = aws(keys=aws.assume("210987654321"))
    assert aws.code_of(member.list_foundation_models) == "AccessDeniedException"
    sandbox.set_faults([])
    aws.create("forbidden")


def test_a_share_of_calls_is_struck_and_repeats_with_the_seed(make: Any) -> None:
    def struck(seed: int) -> list[bool]:
        sandbox, aws = make(seed=seed)
        sandbox.set_faults([{"kind": "unavailable", "share": 0.5}])
        found = []
        for _ in range(24):
            try:
                aws().list_foundation_models()
            except aws().exceptions.ClientError:
                found.append(True)
            else:
                found.append(False)
        return found

    assert struck(3) == struck(3) != struck(4)
    assert 4 < sum(struck(3)) < 20


def test_errors_of_the_work_are_not_spoiled(make: Any) -> None:
    sandbox, aws = make()
    aws.create("team-a")
    sandbox.set_faults([Fault("cut_after")])
    assert aws.code_of(lambda: aws.create("team-a")) == "ConflictException"


def test_faults_travel_as_json_and_nonsense_is_refused() -> None:
    fault = Fault("cut_after", operation="CreateInferenceProfile", nth=3)
    assert Fault.from_json(fault.to_json()) == fault
    with pytest.raises(ValueError, match="unknown fault 'explode'"):
        Fault("explode")
    with pytest.raises(ValueError, match="has no when"):
        Fault.from_json({"kind": "throttle", "when": 3})
    with pytest.raises(ValueError, match="needs a kind"):
        Fault.from_json({})
    with pytest.raises(ValueError, match="share"):
        Fault("throttle", share=3)
