"""Services that moto serves, with the sandbox's rates, faults and denied actions."""

from __future__ import annotations

from typing import Any

from bulkprof.sandbox import Fault, Rate

PUT = {"Name": "/a", "Value": "x", "Type": "String"}


def events(count: int) -> list[dict[str, str]]:
    return [{"Source": "s", "DetailType": "t", "Detail": f'{{"n": {n}}}'} for n in range(count)]


def test_they_are_counted_with_their_service(make: Any) -> None:
    sandbox, aws = make()
    aws("ssm").put_parameter(**PUT)
    assert aws.code_of(lambda: aws("ssm").put_parameter(**PUT)) == "ParameterAlreadyExists"
    ledger = sandbox.ledger()
    assert ledger.count("ssm:PutParameter", "ok") == 1
    assert ledger.count("ssm:PutParameter", "ParameterAlreadyExists") == 1


def test_accounts_and_regions_are_apart(make: Any) -> None:
    _, aws = make()
    aws("ssm").put_parameter(**PUT)
    keys = aws.assume("444455556666")
    aws("ssm", keys=keys).put_parameter(**PUT)
    aws("ssm", region="eu-west-1").put_parameter(**PUT)


def test_they_have_rates_of_their_own(make: Any) -> None:
    sandbox, aws = make()
    aws("ssm").put_parameter(**PUT)
    sandbox.set_rate(Rate(0, 1))
    aws("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/a")
    refused = aws.code_of(lambda: aws("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/a"))
    assert refused == "ThrottlingException"
    # Bedrock has an operation of the same name.
    arn = aws.create()
    aws().list_tags_for_resource(resourceARN=arn)
    assert sandbox.ledger().count("ssm:ListTagsForResource", "throttled") == 1


def test_they_may_be_denied(make: Any) -> None:
    _, aws = make(denied_actions=frozenset({"ssm:Put*"}))
    assert aws.code_of(lambda: aws("ssm").put_parameter(**PUT)) == "AccessDeniedException"
    assert aws("ssm").get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]


def test_half_of_the_events_may_be_refused(make: Any) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault("half_accepted", operation="events:PutEvents")])
    answer = aws("events").put_events(Entries=events(5))
    assert answer["FailedEntryCount"] == 3
    assert ["EventId" in entry for entry in answer["Entries"]] == [False, True, False, True, False]
    assert answer["Entries"][0]["ErrorCode"] == "ThrottlingException"
    assert aws("events").put_events(Entries=events(1))["FailedEntryCount"] == 1
    sandbox.set_faults([])
    assert aws("events").put_events(Entries=events(2))["FailedEntryCount"] == 0
