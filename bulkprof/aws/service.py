"""The calls of any service, for plugins that have theirs paced: each is one HTTP call and raises only `AwsError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkprof.aws.credentials.keys import SharedCredentials
from bulkprof.aws.errors.mapping import aws_errors, sdk_alone
from bulkprof.errors import ExpiredCredentialsError


class ServiceApi:
    """One service in one target. Made by `AwsSessions.service()`."""

    def __init__(self, where: str, client: Any, credentials: SharedCredentials) -> None:
        """`client` is the SDK's, without retries of its own, and signs with `credentials`."""
        self.where = where
        """The target or account, for messages."""
        self._client = client
        self._credentials = credentials
        self._methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}

    async def call(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send one call and return its answer. Raises `ValueError` for an operation that the service doesn't have."""
        if operation not in self._methods:
            service = self._client.meta.service_model.service_name
            raise ValueError(f"{service} has no operation {operation}; write it as AWS does, such as PutParameter")
        send = getattr(self._client, self._methods[operation])
        signed_with = self._credentials.generation
        try:
            with aws_errors(operation, self.where), sdk_alone():
                answer: Mapping[str, Any] = await send(**arguments)
                return answer
        except ExpiredCredentialsError:
            self._credentials.expired(signed_with)
            raise
