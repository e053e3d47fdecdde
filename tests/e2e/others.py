"""Other people at work in the same AWS: a plain botocore client."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from bulkprof.sandbox import Sandbox

NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
NOVA_PRO = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
OURS = {"bulkprof:estate": "tests"}


@cache
def _session() -> Any:
    return botocore.session.Session()


class Others:
    """Makes and changes profiles in one account, by default the caller's own, and looks at them."""

    def __init__(self, sandbox: Sandbox, account: str = "", region: str = "us-east-1") -> None:
        self._sandbox = sandbox
        self._region = region
        self._keys = {"aws_access_key_id": "AKIASANDBOXSANDBOX00", "aws_secret_access_key": "sandbox"}
        if account:
            role = f"arn:aws:iam::{account}:role/Others"
            keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="others")["Credentials"]
            self._keys = {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            }
        self._bedrock = self.client("bedrock")

    def client(self, service: str) -> Any:
        """A client of any service."""
        return _session().create_client(
            service,
            region_name=self._region,
            endpoint_url=self._sandbox.url,
            **self._keys,
            config=Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}),
        )

    def create(self, name: str, tags: dict[str, str] | None = None, source: str = NOVA, **more: str) -> str:
        """Make a profile; returns its ARN."""
        given = {"tags": [{"key": key, "value": value} for key, value in tags.items()]} if tags else {}
        answer = self._bedrock.create_inference_profile(
            inferenceProfileName=name, modelSource={"copyFrom": source}, **given, **more
        )
        return str(answer["inferenceProfileArn"])

    def tag(self, arn: str, **tags: str) -> None:
        """Set tags."""
        self._bedrock.tag_resource(resourceARN=arn, tags=[{"key": key, "value": value} for key, value in tags.items()])

    def untag(self, arn: str, *keys: str) -> None:
        """Remove tags."""
        self._bedrock.untag_resource(resourceARN=arn, tagKeys=list(keys))

    def delete(self, arn: str) -> None:
        """Delete a profile."""
        self._bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)

    def tags(self, arn: str) -> dict[str, str]:
        """A profile's tags."""
        answer = self._bedrock.list_tags_for_resource(resourceARN=arn)
        return {tag["key"]: tag["value"] for tag in answer["tags"]}

    def get(self, arn: str) -> Any:
        """A profile as AWS shows it."""
        return self._bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
