"""Every exception class of the SDK has a rule: a new one fails here until it gets one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import aiobotocore
import botocore
import pytest
from botocore import exceptions as sdk

import bulkprof.errors as e
from bulkprof.aws.errors.mapping import from_sdk
from bulkprof.aws.errors.sdk import RULES

SECRET = "canary-secret"


def classes() -> list[type[Exception]]:
    """Return all that derive from botocore's root, in any module."""
    for package in (botocore, aiobotocore):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".vendored" not in module.name and not module.name.endswith((".crt", ".crt.auth", ".crt.aiohttp")):
                try:
                    importlib.import_module(module.name)
                except ImportError:
                    # Of an optional dependency, which bulkprof doesn't use.
                    continue
    found, waiting = set(), [sdk.BotoCoreError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += kind.__subclasses__()
    return sorted((kind for kind in found if kind.__module__.split(".")[0] in {"botocore", "aiobotocore"}), key=str)


INHERITING = {
    # Endpoint discovery, which none of the services has that are called here.
    "EndpointDiscoveryException",
    "EndpointDiscoveryRefreshFailed",
    "EndpointDiscoveryRequired",
    # aiobotocore's own, a ReadTimeoutError.
    "AioReadTimeoutError",
}
"""Classes for which the rule of the class that they inherit from is right."""


def test_each_class_is_mapped_by_its_own_name() -> None:
    names = {kind.__name__ for kind in classes()}
    assert len(names) > 80
    assert names - set(RULES) - INHERITING == set(), "add a rule to RULES in bulkprof/aws/errors/sdk.py"


def test_nothing_else_raises_from_the_sdk_unnoticed() -> None:
    """The other classes in botocore.exceptions: error responses, warnings, and errors in service models."""
    roots = (sdk.BotoCoreError, Warning)
    other = {
        name
        for name, kind in vars(sdk).items()
        if inspect.isclass(kind) and issubclass(kind, Exception) and not issubclass(kind, roots)
    }
    known = {"ClientError", "EventStreamError", "UndefinedModelAttributeError", "MissingServiceIdError"}
    assert other - known == set()


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_each_message_is_one_line_without_passwords(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    error.args = (f"several\nlines about https://user:{SECRET}@example.com/{SECRET}.",)
    error.kwargs = {"endpoint_url": f"https://user:{SECRET}@example.com:x/"}  # type: ignore[attr-defined]
    found = from_sdk(error)
    assert isinstance(found, e.AwsError)
    assert "\n" not in found.message
    assert SECRET not in str(found)
    assert found.code
