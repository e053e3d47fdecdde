"""The one place that knows what the SDK raises: everything becomes an `AwsError` that says what to do next.

Two questions decide the class: did AWS respond, and if not, can it have done the work?

- A response is classified by its code, or by its HTTP status if the code is in no table (`codes`, `response`).
- No connection, no work: `UnreachableError`. Anything that broke after that is an `AmbiguousError` (`transport`).

Messages are AWS's own, except those about keys and signatures: they quote the signed request, with its tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from bulkprof.aws.errors.response import from_response
from bulkprof.aws.errors.sdk import UNREADABLE
from bulkprof.aws.errors.transport import from_transport, transport_errors
from bulkprof.errors import AmbiguousError, AwsError, BulkprofError, SettingsError


@contextmanager
def aws_errors(operation: str = "", where: str = "") -> Iterator[None]:
    """Turn what the SDK raises inside into an `AwsError` of `operation` at `where` (`account/region`).

    Cancellation passes unchanged, and so do exceptions of bulkprof's own. The SDK's exception is not kept as the
    cause: its frames hold requests with their signatures, and a thousand failed rows would keep a thousand of them.
    """
    try:
        yield
    except AwsError as error:
        error.operation = error.operation or operation
        error.where = error.where or where
        raise
    except _sdk_errors() as error:
        raise from_sdk(error, operation=operation, where=where) from None


@contextmanager
def sdk_alone(*, responses: bool = True) -> Iterator[None]:
    """Turn any other exception into an `AwsError`, too: for blocks that run only code of the SDK.

    Its parsers and its set-up raise `ValueError`, `KeyError` and the like for unexpected input. `responses` says that
    the block reads AWS's responses rather than the user's settings. Use it inside of `aws_errors`.
    """
    try:
        yield
    except BulkprofError:
        raise
    except Exception as error:
        if isinstance(error, _sdk_errors()):
            raise
        if responses:
            raise AmbiguousError(UNREADABLE, code=type(error).__name__) from None
        raise SettingsError(
            # Without its text, which quotes the value: an endpoint may hold a password.
            f"the AWS settings can't be used, as one of them is malformed ({type(error).__name__}); check "
            "AWS_ENDPOINT_URL, the other AWS_* variables and the AWS config file",
            code="Settings",
        ) from None


def from_sdk(error: Exception, *, operation: str = "", where: str = "") -> AwsError:
    """Return what `error` of botocore, aiobotocore, aiohttp or a socket means. Never raises."""
    response = getattr(error, "response", None)
    mapped = from_response(response) if isinstance(response, dict) else from_transport(error)
    mapped.operation, mapped.where = operation, where
    return mapped


def is_nameless(error: AwsError) -> bool:
    """Return whether an error response had no code, as all of AWS's have: a proxy or the like made it, not AWS."""
    return error.code.startswith("HTTP") and error.code[4:].isdigit()


@functools.cache
def _sdk_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions to map. Looked up at the first one: this module must not load the SDK."""
    from botocore.exceptions import ClientError

    return (ClientError, *transport_errors())
