"""One sandbox without throttling for each test, and clients that check all answers against botocore's model."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bulkprof.sandbox import Rate, Sandbox, SandboxSettings

GLM = "arn:aws:bedrock:us-east-1::foundation-model/zai.glm-4.7"
# AWS's own answers break these patterns and this enum of its model, so the sandbox's do as well.
BROKEN_BY_AWS = {
    "InferenceType": re.compile(r"INFERENCE_PROFILE"),
    # By its documentation, also whatever the resource's own service answers.
    "ErrorCode": re.compile(r"[A-Za-z]+Exception"),
    "FoundationModelArn": re.compile(r"arn:aws:bedrock:::foundation-model/[a-z0-9.:-]+"),
    "InferenceProfileName": re.compile(r"(US|EU|APAC|JP|AU|Global|US-GOV) [\w .-]+"),
    "InferenceProfileDescription": re.compile(r"Routes requests to [\w ,.-]+\."),
}
COMMON_ERRORS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "ServiceUnavailableException",
    "UnknownOperationException",
}
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "double": float,
    "boolean": bool,
    "timestamp": datetime.datetime,
    "structure": dict,
    "list": list,
    "map": dict,
}


def broken(shape: Any, value: Any, where: str = "output") -> Iterator[str]:
    """What is wrong with an answer, by the model."""
    if not isinstance(value, TYPES[shape.type_name]):
        yield f"{where} is no {shape.type_name}: {value!r}"
        return
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{where}.{name} is missing"
        for name in value.keys() - {"ResponseMetadata"}:
            yield from broken(shape.members[name], value[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from broken(shape.member, item, f"{where}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from broken(shape.key, key, f"{where} key")
            yield from broken(shape.value, item, f"{where}[{key}]")
    yield from broken_limits(shape, value, where)


def broken_limits(shape: Any, value: Any, where: str) -> Iterator[str]:
    if isinstance(value, (str, list)):
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 10**9)
        if not least <= len(value) <= most:
            yield f"{where} has a length of {len(value)}"
    pattern, enum = shape.metadata.get("pattern"), getattr(shape, "enum", None)
    exempt = BROKEN_BY_AWS.get(shape.name)
    if exempt and exempt.fullmatch(value):
        return
    if enum and value not in enum:
        yield f"{where} is not in the enum: {value}"
    if pattern and not re.fullmatch(pattern, value):
        yield f"{where} does not match {pattern}: {value}"


class Checked:
    """A botocore client whose answers and errors are held against the service's model."""

    def __init__(self, client: Any) -> None:
        self.boto = client

    def call(self, operation: str, **params: Any) -> Any:
        """Make a call and check its answer's status and shape."""
        model = self.boto.meta.service_model.operation_model(operation)
        answer = getattr(self.boto, self._method(operation))(**params)
        assert list(broken(model.output_shape, answer)) == []
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == model.http.get("responseCode", 200)
        assert answer["ResponseMetadata"]["RequestId"]
        return answer

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        """Make a call that is to fail, check that its operation declares the error, and give code and message."""
        with pytest.raises(ClientError) as caught:
            getattr(self.boto, self._method(operation))(**params)
        response = caught.value.response
        code, message = response["Error"]["Code"], response["Error"]["Message"]
        shapes = self.boto.meta.service_model.operation_model(operation).error_shapes
        declared = {shape.name: shape.metadata.get("error", {}).get("httpStatusCode") for shape in shapes}
        assert code in declared or code in COMMON_ERRORS
        assert declared.get(code) in (None, response["ResponseMetadata"]["HTTPStatusCode"])
        assert message
        return code, message

    def create(self, name: str = "team-a", source: str = GLM, **more: Any) -> str:
        params = {"inferenceProfileName": name, "modelSource": {"copyFrom": source}, **more}
        return str(self.call("CreateInferenceProfile", **params)["inferenceProfileArn"])

    def refused(self, source: str = GLM, name: str = "team-a", **more: Any) -> tuple[str, str]:
        params = {"inferenceProfileName": name, "modelSource": {"copyFrom": source}, **more}
        return self.refusal("CreateInferenceProfile", **params)

    def _method(self, operation: str) -> str:
        names = self.boto.meta.method_to_api_mapping
        return next(name for name, api in names.items() if api == operation)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    settings = SandboxSettings(rate=Rate(10_000, 10_000), account_quotas={"999999999999": 2})
    with Sandbox(settings) as running:
        running.make_organization([{"name": "one", "ou": "Workloads/Prod"}, {"name": "two"}])
        yield running


@pytest.fixture(scope="session")
def boto_session() -> Any:
    return botocore.session.Session()


@pytest.fixture
def client(sandbox: Sandbox, boto_session: Any) -> Iterator[Any]:
    """Make clients: `client("bedrock", "eu-west-1", account="210987654321")`."""
    made: list[Checked] = []

    def make(service: str = "bedrock", region: str = "us-east-1", account: str | None = None) -> Checked:
        keys = {"AccessKeyId": "AKIASANDBOXSANDBOX00"}
        if account:
            role = f"arn:aws:iam::{account}:role/Any"
            keys = make("sts").boto.assume_role(RoleArn=role, RoleSessionName="contract")["Credentials"]
        new = boto_session.create_client(
            service,
            region_name=region,
            endpoint_url=sandbox.url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key="sandbox",
            aws_session_token="sandbox",
            # Unchecked, so that what botocore would refuse itself reaches the server.
            config=Config(retries={"total_max_attempts": 1}, read_timeout=5, proxies={}, parameter_validation=False),
        )
        made.append(Checked(new))
        return made[-1]

    yield make
    for each in made:
        each.boto.close()
