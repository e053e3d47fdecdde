"""The sandbox against botocore's service models: shapes of all answers, and errors that are declared."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

GLM = "arn:aws:bedrock:us-east-1::foundation-model/zai.glm-4.7"
SONNET = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0"
GLOBAL = SONNET.replace("/us.", "/global.")
TAGS = [{"key": "team", "value": "a"}]
MISSING = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/zzzzzzzzzzzz"
BAD_SOURCE = "copyFrom must be a valid inference profile model source ARN."


def test_every_bedrock_operation_answers_what_its_model_says(client: Any) -> None:
    bedrock = client()
    arn = bedrock.create(description="Team A: chat bot", tags=TAGS, clientRequestToken="token-1")
    bedrock.create("team-b", GLOBAL)
    for kind in ("APPLICATION", "SYSTEM_DEFINED"):
        assert bedrock.call("ListInferenceProfiles", typeEquals=kind)["inferenceProfileSummaries"]
    by_id = bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=arn.rpartition("/")[2])
    by_arn = bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=arn)
    assert by_id.pop("ResponseMetadata") != by_arn.pop("ResponseMetadata")
    assert by_id == by_arn
    assert by_arn["description"] == "Team A: chat bot"
    assert bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=SONNET)["type"] == "SYSTEM_DEFINED"
    bedrock.call("TagResource", resourceARN=arn, tags=[{"key": "env", "value": ""}])
    bedrock.call("UntagResource", resourceARN=arn, tagKeys=["team", "never-there"])
    assert bedrock.call("ListTagsForResource", resourceARN=arn)["tags"] == [{"key": "env", "value": ""}]
    assert len(bedrock.call("ListFoundationModels")["modelSummaries"]) >= 24
    bedrock.call("GetFoundationModel", modelIdentifier="zai.glm-4.7")
    bedrock.call("GetFoundationModel", modelIdentifier=GLM)
    bedrock.call("DeleteInferenceProfile", inferenceProfileIdentifier=arn)
    assert bedrock.refusal("GetInferenceProfile", inferenceProfileIdentifier=arn)[0] == "ResourceNotFoundException"


def test_the_services_beside_bedrock_answer_what_their_models_say(client: Any) -> None:
    client().create(tags=TAGS)
    client("resourcegroupstaggingapi").call("GetResources")
    quotas = client("service-quotas")
    for operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        quotas.call(operation, ServiceCode="bedrock", QuotaCode="L-40EC9882")
    for operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
        assert len(quotas.call(operation, ServiceCode="bedrock")["Quotas"]) == 1
    for operation, more in (("TagResources", {"Tags": {"env": ""}}), ("UntagResources", {"TagKeys": ["env"]})):
        assert client("resourcegroupstaggingapi").call(operation, ResourceARNList=[MISSING], **more)
    costs = client("ce")
    assert [tag["Status"] for tag in costs.call("ListCostAllocationTags", TagKeys=["team"])["CostAllocationTags"]] == [
        "Inactive"
    ]
    wanted = [{"TagKey": key, "Status": "Active"} for key in ("team", "never")]
    refused = costs.call("UpdateCostAllocationTagsStatus", CostAllocationTagsStatus=wanted)["Errors"]
    assert [error["TagKey"] for error in refused] == ["never"]
    assert costs.call("ListCostAllocationTags", Status="Active", MaxResults=1)["CostAllocationTags"]
    month = f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"
    costs.call("StartCostAllocationTagBackfill", BackfillFrom=month)
    code, _ = costs.refusal("StartCostAllocationTagBackfill", BackfillFrom=month)
    assert code == "BackfillLimitExceededException"
    client("sts").call("GetCallerIdentity")
    organizations = client("organizations")
    organizations.call("DescribeOrganization")
    root = organizations.call("ListRoots")["Roots"][0]["Id"]
    accounts = organizations.call("ListAccounts")["Accounts"]
    organizations.call("DescribeAccount", AccountId=accounts[0]["Id"])
    organizations.call("ListParents", ChildId=accounts[0]["Id"])
    organizations.call("ListTagsForResource", ResourceId=accounts[0]["Id"])
    organizations.call("ListAccountsForParent", ParentId=root)
    unit = organizations.call("ListOrganizationalUnitsForParent", ParentId=root)["OrganizationalUnits"][0]["Id"]
    organizations.call("DescribeOrganizationalUnit", OrganizationalUnitId=unit)


def test_cost_allocation_tags_are_the_payers_and_page(client: Any) -> None:
    bedrock, costs = client(), client("ce")
    bedrock.create(tags=[{"key": key, "value": "1"} for key in "abc"])
    first = costs.call("ListCostAllocationTags", MaxResults=2)
    rest = costs.call("ListCostAllocationTags", MaxResults=2, NextToken=first["NextToken"])
    assert [tag["TagKey"] for page in (first, rest) for tag in page["CostAllocationTags"]] == ["a", "b", "c"]
    both = [{"TagKey": "a", "Status": "Active"}, {"TagKey": "b", "Status": "Active"}]
    costs.call("UpdateCostAllocationTagsStatus", CostAllocationTagsStatus=both)
    costs.call("UpdateCostAllocationTagsStatus", CostAllocationTagsStatus=[{**both[0], "Status": "Inactive"}])
    active = costs.call("ListCostAllocationTags", Status="Active")["CostAllocationTags"]
    assert [tag["TagKey"] for tag in active] == ["b"]
    assert costs.refusal("ListCostAllocationTags", NextToken="x")[0] == "InvalidNextTokenException"
    code, message = client("ce", account="222222222222").refusal("ListCostAllocationTags")
    assert code == "AccessDeniedException"
    assert "Linked account doesn't have access to cost allocation tags" in message
    for wrong in ({"TagKeys": []}, {"TagKeys": ["k"] * 101}):
        with pytest.raises(costs.boto.exceptions.ClientError, match="between 1 and 100"):
            costs.boto.list_cost_allocation_tags(**wrong)
    with pytest.raises(costs.boto.exceptions.ClientError, match="between 1 and 20"):
        costs.boto.update_cost_allocation_tags_status(CostAllocationTagsStatus=both[:1] * 21)
    for wrong_month in ("2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", f"{datetime.now(UTC):%Y-%m}-02T00:00:00Z", "x"):
        with pytest.raises(costs.boto.exceptions.ClientError, match="first day of one of the last 12 months"):
            costs.boto.start_cost_allocation_tag_backfill(BackfillFrom=wrong_month)


def test_metrics_of_use_are_cloudwatchs(client: Any, sandbox: Any) -> None:
    bedrock, metrics = client(), client("cloudwatch")
    identity = bedrock.create("team-a").rpartition("/")[2]
    sandbox.add_usage([{"model": "team-a", "invocations": 4}, {"model": "zai.glm-4.7", "invocations": 2}])
    found = metrics.call("ListMetrics", Namespace="AWS/Bedrock", MetricName="Invocations")["Metrics"]
    assert {each["Dimensions"][0]["Value"] for each in found} == {identity, "zai.glm-4.7"}
    metrics.boto.put_metric_data(
        Namespace="AWS/Bedrock",
        MetricData=[
            {"MetricName": "Invocations", "Value": 1, "Dimensions": [{"Name": "ModelId", "Value": "zai.later"}]}
        ],
    )
    day, now = 86_400, datetime.now(UTC)
    queries: list[dict[str, Any]] = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Bedrock",
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": "ModelId", "Value": model}],
                },
                "Period": day,
                "Stat": "Sum",
            },
        }
        for number, model in enumerate((identity, "zai.later", "zai.never"))
    ]
    period = {"StartTime": now - timedelta(days=3), "EndTime": now + timedelta(days=1)}
    results = metrics.call("GetMetricData", MetricDataQueries=queries, **period)["MetricDataResults"]
    assert [each["Values"] for each in results] == [[4.0], [1.0], []]
    queries.append({"Id": "twice", "Expression": "q0 + q0"})
    results = metrics.call("GetMetricData", MetricDataQueries=queries[:1] + queries[3:], **period)["MetricDataResults"]
    assert results[0]["Values"] == [4.0]


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "ap-northeast-1", "us-gov-west-1", "sa-east-1", "cn-north-1"]
)
def test_partition_and_system_profiles_follow_the_region(client: Any, region: str) -> None:
    bedrock = client(region=region)
    partition = {"us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"}.get(region, "aws")
    source = f"arn:{partition}:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0"
    assert bedrock.create(source=source).startswith(f"arn:{partition}:bedrock:{region}:123456789012:app")
    profiles = bedrock.call("ListInferenceProfiles")["inferenceProfileSummaries"]
    geographies = {profile["inferenceProfileId"].split(".")[0] for profile in profiles}
    assert (
        geographies
        == {
            "us-east-1": {"us", "global"},
            "eu-central-1": {"eu", "global"},
            "ap-northeast-1": {"apac", "jp", "global"},
            "us-gov-west-1": {"us-gov"},
            "sa-east-1": {"global"},
            "cn-north-1": set(),
        }[region]
    )
    for profile in profiles:
        arns = [model["modelArn"] for model in profile["models"]]
        assert any(f":bedrock:{region}:" in arn for arn in arns)
        assert any(":bedrock:::" in arn for arn in arns) == profile["inferenceProfileId"].startswith("global.")


def test_models_of_a_copy_are_those_of_its_source(client: Any) -> None:
    bedrock = client()
    for name, source in (("system", SONNET), ("world", GLOBAL)):
        copy = bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=bedrock.create(name, source))
        assert copy["models"] == bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=source)["models"]
    nobodys = SONNET.replace("123456789012", "")
    same = bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=bedrock.create("no-account", nobodys))
    assert same["models"] == bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=nobodys)["models"]
    assert bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=nobodys)["inferenceProfileArn"] == SONNET
    plain = bedrock.call("GetInferenceProfile", inferenceProfileIdentifier=bedrock.create("plain"))
    assert plain["models"] == [{"modelArn": GLM}]
    assert re.fullmatch("[a-z0-9]{12}", plain["inferenceProfileId"])


def test_some_models_only_run_through_a_system_profile(client: Any) -> None:
    models = client().call("ListFoundationModels")["modelSummaries"]
    bare = {model["modelId"] for model in models if "ON_DEMAND" not in model["inferenceTypesSupported"]}
    assert "anthropic.claude-sonnet-4-20250514-v1:0" in bare
    assert {tuple(model["inferenceTypesSupported"]) for model in models if model["modelId"] in bare} == {
        ("INFERENCE_PROFILE",)
    }
    assert "zai.glm-4.7" not in bare
    wanted = client().call("ListFoundationModels", byInferenceType="ON_DEMAND", byProvider="anthropic")
    assert {model["modelId"] for model in wanted["modelSummaries"]}.isdisjoint(bare)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"name": "a.b"}, "at 'inferenceProfileName' failed to satisfy constraint: Member must satisfy regular"),
        ({"name": "double--dash"}, "regular expression pattern"),
        ({"name": "n" * 65}, "Member must have length less than or equal to 64"),
        ({"name": ""}, "Member must have length greater than or equal to 1"),
        ({"description": "chat, code"}, "Value at 'description'"),
        ({"description": "d" * 201}, "less than or equal to 200"),
        ({"tags": [{"key": "k" * 129, "value": ""}]}, "'tags.1.member.key'"),
        ({"tags": [{"key": "k", "value": "v" * 257}]}, "less than or equal to 256"),
        ({"tags": [{"key": "k", "value": "caf\u00e9"}]}, "regular expression pattern"),
        ({"tags": [{"key": "aws:cost", "value": ""}]}, "aws: prefixed"),
        ({"tags": [*TAGS, *TAGS]}, "must be unique"),
        ({"clientRequestToken": "-dash-first"}, "clientRequestToken"),
        ({"source": GLM.replace("::", ":123456789012:")}, BAD_SOURCE),
        ({"source": GLM.replace("us-east-1", "us-west-2")}, "copyFrom must be a valid"),
        ({"source": SONNET.replace("123456789012", "210987654321")}, "copyFrom must be a valid"),
        ({"source": MISSING}, "regular expression pattern"),
        ({"source": GLM.replace("foundation-model", "custom-model")}, "regular expression pattern"),
    ],
)
def test_bad_requests_are_named(client: Any, more: dict[str, Any], complaint: str) -> None:
    code, message = client().refused(**more)
    assert code == "ValidationException"
    assert complaint in message


def test_several_problems_are_counted(client: Any) -> None:
    _, message = client().refused(name="a.b", clientRequestToken="")
    assert message.startswith("3 validation errors detected: ")


def test_unknown_sources_and_profiles_are_not_found(client: Any) -> None:
    bedrock = client()
    not_found = "ResourceNotFoundException"
    assert bedrock.refused(GLM.replace("glm-4.7", "glm-9"))[0] == not_found
    assert bedrock.refused(SONNET.replace("/us.", "/eu."))[0] == not_found
    assert bedrock.refusal("GetFoundationModel", modelIdentifier="zai.glm-9")[0] == not_found
    for operation in ("GetInferenceProfile", "DeleteInferenceProfile"):
        assert bedrock.refusal(operation, inferenceProfileIdentifier=MISSING)[0] == not_found
    assert bedrock.refusal("TagResource", resourceARN=MISSING, tags=TAGS)[0] == not_found
    assert bedrock.refusal("UntagResource", resourceARN=MISSING, tagKeys=["a"])[0] == not_found
    assert bedrock.refusal("ListTagsForResource", resourceARN=SONNET)[0] == not_found


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("bedrock", "ListImportedModels"),
        ("resourcegroupstaggingapi", "DescribeReportCreation"),
        ("service-quotas", "ListServices"),
    ],
)
def test_what_the_sandbox_lacks_is_a_client_error(client: Any, service: str, operation: str) -> None:
    code, message = client(service).refusal(operation)
    assert code == "UnknownOperationException"
    assert message.startswith("The sandbox lacks this operation of ")


def test_a_system_profile_stays(client: Any) -> None:
    code, _ = client().refusal("DeleteInferenceProfile", inferenceProfileIdentifier=SONNET)
    assert code == "ValidationException"


def test_fifty_tags_and_no_more(client: Any) -> None:
    bedrock = client()
    tags = [{"key": f"k{number}", "value": ""} for number in range(51)]
    assert bedrock.refused(tags=tags)[0] == "TooManyTagsException"
    arn = bedrock.create(tags=tags[:50])
    code, _ = bedrock.refusal("TagResource", resourceARN=arn, tags=tags[50:])
    assert code == "TooManyTagsException"
    bedrock.call("TagResource", resourceARN=arn, tags=[{"key": "k0", "value": "again"}])
    code, _ = bedrock.refusal("UntagResource", resourceARN=arn, tagKeys=["aws:cost"])
    assert code == "ValidationException"


def test_the_quota_is_per_account_and_region(client: Any) -> None:
    assert client("service-quotas", account="999999999999").call("GetServiceQuota", ServiceCode="bedrock",
                QuotaCode="L-40EC9882")["Quota"]["Value"] == 2  # fmt: skip
    bedrock = client(account="999999999999")
    bedrock.create("one")
    arn = bedrock.create("two")
    assert bedrock.refused(name="three")[0] == "ServiceQuotaExceededException"
    client(region="us-west-2", account="999999999999").create("one", GLM.replace("us-east-1", "us-west-2"))
    bedrock.call("DeleteInferenceProfile", inferenceProfileIdentifier=arn)
    bedrock.create("three")


def test_listing_pages_and_its_tokens(client: Any) -> None:
    bedrock = client()
    names = [f"team-{number:03}" for number in range(130)]
    for name in names:
        bedrock.create(name)
    first = bedrock.call("ListInferenceProfiles", typeEquals="APPLICATION")
    assert len(first["inferenceProfileSummaries"]) == 100
    for size in (1000, 65):
        pages = bedrock.boto.get_paginator("list_inference_profiles").paginate(
            typeEquals="APPLICATION", PaginationConfig={"PageSize": size}
        )
        found = [profile["inferenceProfileName"] for page in pages for profile in page["inferenceProfileSummaries"]]
        assert found == names
    untyped = bedrock.call("ListInferenceProfiles", maxResults=1000)["inferenceProfileSummaries"]
    assert {profile["type"] for profile in untyped} == {"SYSTEM_DEFINED"}
    for bad in ({"maxResults": 0}, {"maxResults": 1001}, {"nextToken": "nonsense"}, {"nextToken": first["nextToken"]}):
        assert bedrock.refusal("ListInferenceProfiles", **bad)[0] == "ValidationException"


def test_get_resources_pages_by_a_hundred_and_omits_the_never_tagged(client: Any) -> None:
    bedrock, tagging = client(), client("resourcegroupstaggingapi")
    bedrock.create("untagged")
    arns = {bedrock.create(f"team-{number}", tags=TAGS) for number in range(105)}
    emptied = bedrock.create("emptied", tags=TAGS)
    bedrock.call("UntagResource", resourceARN=emptied, tagKeys=["team"])
    ours = {"ResourceTypeFilters": ["bedrock:application-inference-profile"]}
    first = tagging.call("GetResources", **ours)
    assert len(first["ResourceTagMappingList"]) == 100
    rest = tagging.call("GetResources", **ours, PaginationToken=first["PaginationToken"])
    assert rest["PaginationToken"] == ""
    found = {
        mapping["ResourceARN"]: mapping["Tags"]
        for mapping in [*first["ResourceTagMappingList"], *rest["ResourceTagMappingList"]]
    }
    assert found.keys() == arns | {emptied}
    assert found[emptied] == []
    some = tagging.call("GetResources", TagFilters=[{"Key": "team", "Values": ["b", "c"]}])
    assert some["ResourceTagMappingList"] == []
    assert tagging.call("GetResources", ResourceTypeFilters=["s3"])["ResourceTagMappingList"] == []
    one = tagging.call("GetResources", ResourceARNList=[emptied])
    assert [mapping["ResourceARN"] for mapping in one["ResourceTagMappingList"]] == [emptied]
    assert tagging.refusal("GetResources", ResourcesPerPage=101)[0] == "InvalidParameterException"
    assert tagging.refusal("GetResources", **ours, ResourceARNList=[emptied])[0] == "InvalidParameterException"
    assert tagging.refusal("GetResources", PaginationToken="x")[0] == "PaginationTokenExpiredException"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"inferenceProfileName": 7, "modelSource": {}}'])
def test_a_body_that_is_no_json_object_is_refused_by_the_server(sandbox: Any, body: bytes) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=x"
    request = urllib.request.Request(f"{sandbox.url}/inference-profiles", body, {"Authorization": scope})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.status == 400
        code, _, namespace = answer.headers["x-amzn-ErrorType"].partition(":")
        assert code == "ValidationException"
        assert namespace.startswith("http://internal.amazon.com/coral/com.amazon")
        assert "validation error" in json.loads(answer.read())["message"]


def test_denied_actions_and_faults_answer_errors_that_clients_may_expect(sandbox: Any, client: Any) -> None:
    bedrock, tagging = client(), client("resourcegroupstaggingapi")
    sandbox.set_denied(actions={"tag:GetResources", "bedrock:List*"})
    assert tagging.refusal("GetResources")[0] == "AccessDeniedException"
    assert bedrock.refusal("ListTagsForResource", resourceARN=MISSING)[0] == "AccessDeniedException"
    bedrock.create()
    sandbox.set_denied(actions=())
    tagging.call("GetResources")
    for kind in ("throttle", "error_before", "error_after", "unavailable", "access_denied", "expired_token"):
        sandbox.set_faults([{"kind": kind}])
        bedrock.refusal("ListInferenceProfiles")
