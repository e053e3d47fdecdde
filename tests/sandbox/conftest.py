"""A sandbox with a clock that only the test moves, and plain botocore clients that never retry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bulkprof.sandbox import Rate, Sandbox, SandboxSettings

ACCOUNT = "123456789012"
GLM = "arn:aws:bedrock:us-east-1::foundation-model/zai.glm-4.7"


class Clock:
    """Wall-clock seconds, moved by hand."""

    def __init__(self) -> None:
        self._now = 1_750_000_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


class Clients:
    """Clients of one sandbox, and the few calls that every test makes."""

    def __init__(self, session: Any, sandbox: Sandbox) -> None:
        self._session = session
        self._sandbox = sandbox
        self._clients: dict[tuple[str, ...], Any] = {}

    def __call__(
        self, service: str = "bedrock", region: str = "us-east-1", keys: Any = None, *, checked: bool = True
    ) -> Any:
        """A client; `checked` has botocore refuse what it can without asking."""
        environment = self._sandbox.environment()
        key_id = keys["AccessKeyId"] if keys else environment["AWS_ACCESS_KEY_ID"]
        wanted = (service, region, key_id, str(checked))
        if wanted not in self._clients:
            self._clients[wanted] = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self._sandbox.url,
                aws_access_key_id=key_id,
                aws_secret_access_key="sandbox",
                aws_session_token="sandbox",
                config=Config(
                    retries={"total_max_attempts": 1}, read_timeout=5, proxies={}, parameter_validation=checked
                ),
            )
        return self._clients[wanted]

    def create(self, name: str = "team-a", source: str = GLM, *, client: Any = None, **more: Any) -> Any:
        answer = (client or self()).create_inference_profile(
            inferenceProfileName=name, modelSource={"copyFrom": source}, **more
        )
        return answer.get("inferenceProfileArn")

    def names(self) -> list[str]:
        pages = self().get_paginator("list_inference_profiles").paginate(typeEquals="APPLICATION")
        return [found["inferenceProfileName"] for page in pages for found in page["inferenceProfileSummaries"]]

    def tagged(self) -> list[str]:
        pages = self("resourcegroupstaggingapi").get_paginator("get_resources")
        found = pages.paginate(ResourceTypeFilters=["bedrock:application-inference-profile"])
        return [mapping["ResourceARN"] for page in found for mapping in page["ResourceTagMappingList"]]

    def assume(self, account: str, **more: Any) -> Any:
        role = f"arn:aws:iam::{account}:role/Onboarding"
        return self("sts").assume_role(RoleArn=role, RoleSessionName="tests", **more)["Credentials"]

    def code_of(self, call: Callable[[], Any]) -> str:
        with pytest.raises(ClientError) as caught:
            call()
        return str(caught.value.response["Error"]["Code"])

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@pytest.fixture(scope="session")
def boto_session() -> Any:
    return botocore.session.Session()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock, boto_session: Any) -> Iterator[Callable[..., tuple[Sandbox, Clients]]]:
    """Start a sandbox with these settings and give it with its clients; all end with the test."""
    started: list[tuple[Sandbox, Clients]] = []

    def start(**settings: Any) -> tuple[Sandbox, Clients]:
        settings = {"rate": Rate(1000, 1000), "clock": clock, **settings}
        sandbox = Sandbox(SandboxSettings(**settings)).start()
        started.append((sandbox, Clients(boto_session, sandbox)))
        return started[-1]

    yield start
    for sandbox, clients in started:
        clients.close()
        sandbox.stop()
