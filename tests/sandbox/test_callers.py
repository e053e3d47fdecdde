"""Who may call, and what: unsigned calls, chained roles, no organization, operations that aren't there."""

from __future__ import annotations

import http.client
import json
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bulkprof.sandbox import Fault

JSON_1_1 = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"
CALLS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "bedrock": ("GET", "/inference-profiles?type=APPLICATION", {}, b""),
    "creation": ("POST", "/inference-profiles", {"Content-Type": "application/json"}, b"{}"),
    "tagging": (
        "POST",
        "/",
        {"X-Amz-Target": "ResourceGroupsTaggingAPI_20170126.GetResources", "Content-Type": JSON_1_1},
        b"{}",
    ),
    "quotas": (
        "POST",
        "/",
        {"X-Amz-Target": "ServiceQuotasV20190624.GetServiceQuota", "Content-Type": JSON_1_1},
        b"{}",
    ),
    "organizations": (
        "POST",
        "/",
        {"X-Amz-Target": "AWSOrganizationsV20161128.ListAccounts", "Content-Type": JSON_1_1},
        b"{}",
    ),
    "sts": ("POST", "/", {"Content-Type": FORM}, b"Action=GetCallerIdentity&Version=2011-06-15"),
}


def raw_call(sandbox: Any, call: str, **headers: str) -> tuple[int, str]:
    """Return status and error code of a call that no SDK would make."""
    method, path, own, body = CALLS[call]
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    connection.request(method, path, body, {**own, **headers})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    if call == "sts":
        return answer.status, content.partition("<Code>")[2].partition("<")[0]
    said = json.loads(content).get("__type") or answer.headers["x-amzn-ErrorType"].partition(":")[0]
    return answer.status, said


@pytest.mark.parametrize("call", CALLS)
def test_an_unsigned_call_is_refused(make: Any, call: str) -> None:
    sandbox, _ = make()
    named = "" if call == "sts" else "Exception"
    assert raw_call(sandbox, call) == (403, f"MissingAuthenticationToken{named}")
    unknown = "InvalidClientTokenId" if call == "sts" else "UnrecognizedClientException"
    assert raw_call(sandbox, call, Authorization="Bearer bedrock-api-key-x") == (403, unknown)
    assert raw_call(sandbox, call, Authorization="Basic eDp5") == (403, f"IncompleteSignature{named}")
    assert sandbox.ledger().calls == ()


def test_the_sdk_without_credentials_hears_of_it(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox, _ = make()
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key-x")
    client = botocore.session.Session().create_client(
        "bedrock", region_name="us-east-1", endpoint_url=sandbox.url, config=Config(proxies={})
    )
    with pytest.raises(ClientError) as caught:
        client.list_inference_profiles()
    client.close()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_calls_that_need_no_signature_are_motos(make: Any) -> None:
    sandbox, aws = make()
    aws("s3").create_bucket(Bucket="public")
    aws("s3").put_object(Bucket="public", Key="a", Body=b"text", ACL="public-read")
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    connection.request("GET", "/public/a")
    assert connection.getresponse().read() == b"text"
    connection.close()
    identity = aws("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::111122223333:role/Web", RoleSessionName="tests", WebIdentityToken="token"
    )
    assert identity["Credentials"]["AccessKeyId"]


def test_a_role_session_gets_an_hour_of_another_role(make: Any) -> None:
    _, aws = make()
    assert aws.assume("210987654321", DurationSeconds=43200)
    session = aws("sts", keys=aws.assume("210987654321"))
    role = {"RoleArn": "arn:aws:iam::111122223333:role/Next", "RoleSessionName": "tests"}
    assert session.assume_role(**role, DurationSeconds=3600)["Credentials"]
    with pytest.raises(ClientError, match="1 hour session limit for roles assumed by role chaining") as caught:
        session.assume_role(**role, DurationSeconds=3601)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("list_accounts", {}),
        ("list_roots", {}),
        ("describe_organization", {}),
        ("list_accounts_for_parent", {"ParentId": "r-abcd"}),
        ("list_organizational_units_for_parent", {"ParentId": "r-abcd"}),
        ("list_parents", {"ChildId": "111111111111"}),
        ("list_tags_for_resource", {"ResourceId": "111111111111"}),
        ("describe_account", {"AccountId": "111111111111"}),
    ],
)
def test_without_an_organization_they_all_say_so(make: Any, operation: str, params: dict[str, str]) -> None:
    sandbox, aws = make()
    client = aws("organizations")
    assert aws.code_of(lambda: getattr(client, operation)(**params)) == "AWSOrganizationsNotInUseException"
    assert sandbox.ledger().count(result="AWSOrganizationsNotInUseException") == 1


def test_an_organization_that_moto_makes_is_read_from_moto(make: Any) -> None:
    _, aws = make()
    client = aws("organizations")
    client.create_organization(FeatureSet="ALL")
    assert [account["Id"] for account in client.list_accounts()["Accounts"]] == ["123456789012"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "answer"),
    [
        ("bedrock", "list_imported_models", {}, (404, "UnknownOperationException")),
        ("bedrock-runtime", "converse", {"modelId": "a", "messages": []}, (404, "UnknownOperationException")),
        ("account", "list_regions", {}, (404, "UnknownOperationException")),
        ("service-quotas", "list_services", {}, (400, "UnknownOperationException")),
        ("freetier", "get_free_tier_usage", {}, (400, "UnknownOperationException")),
        ("sts", "decode_authorization_message", {"EncodedMessage": "x"}, (400, "InvalidAction")),
        ("organizations", "list_handshakes_for_account", {}, (400, "UnknownOperationException")),
    ],
)
def test_what_is_lacking_is_said_once(
    make: Any, capfd: pytest.CaptureFixture[str], service: str, operation: str, params: Any, answer: tuple[int, str]
) -> None:
    """As a client's error, which no SDK sends again, and without a traceback on the sandbox's own terminal."""
    sandbox, _ = make()
    keys = sandbox.environment()
    client = botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=sandbox.url,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="sandbox",
        config=Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 3}),
    )
    with pytest.raises(ClientError, match="The sandbox lacks this operation of ") as caught:
        getattr(client, operation)(**params)
    client.close()
    metadata = caught.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], caught.value.response["Error"]["Code"]) == answer
    assert metadata["RetryAttempts"] == 0
    assert "Traceback" not in capfd.readouterr().err


def test_errors_are_named_as_aws_names_them(make: Any) -> None:
    sandbox, aws = make()
    sandbox.set_faults([Fault("throttle")])
    with pytest.raises(ClientError) as caught:
        aws.create()
    named = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"]
    assert named.startswith("ThrottlingException:http://internal.amazon.com/coral/com.amazon")
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    assert sandbox.ledger().count(result="throttled") == 1


def test_models_that_retire_say_when(make: Any) -> None:
    sandbox, _ = make()
    scope = "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=x"
    connection = http.client.HTTPConnection(sandbox.url.removeprefix("http://"))
    connection.request("GET", "/foundation-models", headers={"Authorization": scope})
    models = json.loads(connection.getresponse().read())["modelSummaries"]
    connection.close()
    retiring = [model["modelLifecycle"] for model in models if model["modelLifecycle"]["status"] == "LEGACY"]
    assert retiring
    for lifecycle in retiring:
        assert lifecycle["legacyTime"] < lifecycle["publicExtendedAccessTime"] < lifecycle["endOfLifeTime"]
    assert all(len(model["modelLifecycle"]) == 1 for model in models if model["modelLifecycle"]["status"] == "ACTIVE")
