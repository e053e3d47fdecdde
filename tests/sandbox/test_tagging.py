"""The tagging API: limits and tokens of its pages, pages that end early, and changes of tags through it."""

from __future__ import annotations

from typing import Any

import pytest

from bulkprof.sandbox import Hypotheses

OURS = {"ResourceTypeFilters": ["bedrock:application-inference-profile"]}
TAGS = [{"key": "team", "value": "a"}]
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/zzzzzzzzzzzz"


def pages(aws: Any, **params: Any) -> list[list[str]]:
    """The names of the pages' resources, by following the tokens to the end."""
    found, token = [], ""
    while True:
        answer = aws("resourcegroupstaggingapi").get_resources(**OURS, **params, PaginationToken=token)
        found.append([mapping["ResourceARN"] for mapping in answer["ResourceTagMappingList"]])
        token = answer["PaginationToken"]
        if not token:
            return found


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_pages_may_end_early_though_more_remain(make: Any, share: float) -> None:
    _, aws = make(hypotheses=Hypotheses(short_tag_pages=share))
    arns = [aws.create(f"team-{number}", tags=TAGS) for number in range(60)]
    found = pages(aws, ResourcesPerPage=10)
    assert [arn for page in found for arn in page] == arns
    assert all(found)
    early = sum(len(page) < 10 for page in found[:-1])
    assert (early == 0) if share == 0 else (early > 0)
    assert (len(found) == 6) == (share == 0)
    assert found == pages(aws, ResourcesPerPage=10)
    if share == 1:
        assert early == len(found) - 1


def test_a_page_without_more_is_whole(make: Any) -> None:
    _, aws = make(hypotheses=Hypotheses(short_tag_pages=1.0))
    for number in range(10):
        aws.create(f"team-{number}", tags=TAGS)
    assert [len(page) for page in pages(aws, ResourcesPerPage=10)] == [10]


def test_pages_by_tags_split_no_resource(make: Any) -> None:
    """AWS's own example: 22 resources of 10 tags each, 100 tags a page."""
    _, aws = make(hypotheses=Hypotheses(short_tag_pages=0.0))
    for number in range(22):
        aws.create(f"team-{number}", tags=[{"key": f"k{key}", "value": ""} for key in range(10)])
    assert [len(page) for page in pages(aws, TagsPerPage=100)] == [10, 10, 2]


def test_a_token_lives_for_a_quarter_of_an_hour(make: Any, clock: Any) -> None:
    _, aws = make(hypotheses=Hypotheses(short_tag_pages=0.0))
    for name in ("one", "two"):
        aws.create(name, tags=TAGS)
    tagging = aws("resourcegroupstaggingapi")
    token = tagging.get_resources(**OURS, ResourcesPerPage=1)["PaginationToken"]
    clock.advance(15 * 60)
    assert len(tagging.get_resources(**OURS, PaginationToken=token)["ResourceTagMappingList"]) == 1
    clock.advance(1)
    for bad in (token, "nonsense", "Zm9v"):
        expired = aws.code_of(lambda bad=bad: tagging.get_resources(**OURS, PaginationToken=bad))
        assert expired == "PaginationTokenExpiredException"


@pytest.mark.parametrize(
    "params",
    [
        {"ResourcesPerPage": 0},
        {"ResourcesPerPage": 101},
        {"TagsPerPage": 99},
        {"TagsPerPage": 501},
        {"ResourceTypeFilters": ["bedrock"] * 101},
        {"ResourceTypeFilters": ["Amazon Bedrock"]},
        {"ResourceTypeFilters": [""]},
        {"TagFilters": [{"Key": "k"}] * 51},
        {"TagFilters": [{"Key": "k", "Values": ["v"] * 21}]},
        {"TagFilters": [{"Key": "k" * 129}]},
        {"TagFilters": [{"Values": ["v"]}]},
        {"ResourceARNList": []},
        {"ResourceARNList": [ARN] * 101},
        {"ResourceARNList": [ARN], "ResourcesPerPage": 1},
        {"ResourceARNList": [ARN], "TagsPerPage": 100},
        {"ResourceARNList": [ARN], "PaginationToken": "x"},
        {"ExcludeCompliantResources": True},
    ],
)
def test_documented_limits(make: Any, params: dict[str, Any]) -> None:
    _, aws = make()
    tagging = aws("resourcegroupstaggingapi", checked=False)
    assert aws.code_of(lambda: tagging.get_resources(**params)) == "InvalidParameterException"


def test_the_limits_themselves_are_fine(make: Any) -> None:
    _, aws = make()
    tagging = aws("resourcegroupstaggingapi")
    for params in (
        {"ResourcesPerPage": 1},
        {"ResourcesPerPage": 100, "TagsPerPage": 500},
        {"ResourceTypeFilters": ["bedrock"] * 99 + ["ec2:instance"]},
        {"TagFilters": [{"Key": "k" * 128, "Values": ["v"] * 20}] * 50},
        {"ResourceARNList": [ARN] * 100},
        {"IncludeComplianceDetails": True, "ExcludeCompliantResources": True},
    ):
        assert tagging.get_resources(**params)["ResourceTagMappingList"] == []


def test_tags_are_changed_through_it(make: Any) -> None:
    _, aws = make()
    tagging = aws("resourcegroupstaggingapi")
    never, once = aws.create("never"), aws.create("once", tags=TAGS)
    assert aws.tagged() == [once]
    assert tagging.tag_resources(ResourceARNList=[never], Tags={"team": "b", "env": ""})["FailedResourcesMap"] == {}
    tags = aws().list_tags_for_resource(resourceARN=never)["tags"]
    assert tags == [{"key": "team", "value": "b"}, {"key": "env", "value": ""}]
    assert tagging.untag_resources(ResourceARNList=[never, once], TagKeys=["team"])["FailedResourcesMap"] == {}
    found = tagging.get_resources(**OURS)["ResourceTagMappingList"]
    # What once had a tag stays in the index, with an empty list.
    assert {mapping["ResourceARN"]: mapping["Tags"] for mapping in found} == {
        never: [{"Key": "env", "Value": ""}],
        once: [],
    }


def test_what_cannot_be_changed_is_told_by_resource(make: Any) -> None:
    _, aws = make()
    tagging = aws("resourcegroupstaggingapi")
    arn = aws.create()
    bucket = "arn:aws:s3:::bucket"
    failed = tagging.tag_resources(ResourceARNList=[ARN, arn, bucket], Tags={"team": "b"})["FailedResourcesMap"]
    assert failed.keys() == {ARN, bucket}
    assert (failed[ARN]["StatusCode"], failed[ARN]["ErrorCode"]) == (404, "ResourceNotFoundException")
    assert aws().list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "team", "value": "b"}]
    refused = tagging.tag_resources(ResourceARNList=[arn], Tags={"aws:x": "b"})["FailedResourcesMap"][arn]
    assert (refused["StatusCode"], refused["ErrorCode"]) == (400, "ValidationException")
    for call in (
        lambda: tagging.tag_resources(ResourceARNList=[arn] * 21, Tags={"a": "b"}),
        lambda: tagging.tag_resources(ResourceARNList=[arn], Tags={f"k{key}": "" for key in range(51)}),
        lambda: tagging.untag_resources(ResourceARNList=[arn], TagKeys=[f"k{key}" for key in range(51)]),
    ):
        assert aws.code_of(call) == "InvalidParameterException"


def test_changes_through_it_are_paced_and_denied_like_any(make: Any) -> None:
    sandbox, aws = make()
    arn = aws.create()
    sandbox.set_denied(actions={"tag:TagResources"})
    tagging = aws("resourcegroupstaggingapi")
    assert aws.code_of(lambda: tagging.tag_resources(ResourceARNList=[arn], Tags={"a": "b"})) == "AccessDeniedException"
    assert sandbox.ledger().count("TagResources", "AccessDeniedException") == 1
