"""AWS's error codes, and HTTP statuses where the code is unknown, with the class of error that each becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from bulkprof.errors import (
    AccessDeniedError,
    AmbiguousError,
    AwsError,
    ConflictError,
    CredentialsError,
    ExpiredCredentialsError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
    RegionError,
    ThrottledError,
    TooManyTagsError,
)

CODES: Mapping[str, type[AwsError]] = {
    # Bedrock
    "AccessDeniedException": AccessDeniedError,
    "ConflictException": ConflictError,
    "InternalServerException": AmbiguousError,
    "ResourceNotFoundException": NotFoundError,
    "ServiceQuotaExceededException": QuotaError,
    "ThrottlingException": ThrottledError,
    "TooManyTagsException": TooManyTagsError,
    "ValidationException": InvalidRequestError,
    # Resource Groups Tagging API
    "InternalServiceException": AmbiguousError,
    "InvalidParameterException": InvalidRequestError,
    "PaginationTokenExpiredException": InvalidRequestError,
    "ThrottledException": ThrottledError,
    # Service Quotas
    "IllegalArgumentException": InvalidRequestError,
    "NoSuchResourceException": NotFoundError,
    "ServiceException": AmbiguousError,
    # Cost Explorer
    "BackfillLimitExceededException": ConflictError,
    "InvalidNextTokenException": InvalidRequestError,
    # CloudWatch
    "InternalServiceFault": AmbiguousError,
    "InvalidNextToken": InvalidRequestError,
    "InvalidParameterValueException": InvalidRequestError,
    # Organizations
    "AWSOrganizationsNotInUseException": InvalidRequestError,
    "InvalidInputException": InvalidRequestError,
    "ParentNotFoundException": NotFoundError,
    "TargetNotFoundException": NotFoundError,
    # Systems Manager
    "ParameterLimitExceeded": QuotaError,
    "TooManyUpdates": ConflictError,
    # STS
    "MalformedPolicyDocument": InvalidRequestError,
    "PackedPolicyTooLarge": InvalidRequestError,
    "RegionDisabledException": RegionError,
    # Any service: keys and signatures
    "AuthFailure": CredentialsError,
    "ExpiredToken": ExpiredCredentialsError,
    "ExpiredTokenException": ExpiredCredentialsError,
    "IncompleteSignature": CredentialsError,
    "IncompleteSignatureException": CredentialsError,
    "InvalidAccessKeyId": CredentialsError,
    "InvalidClientTokenId": CredentialsError,
    "InvalidSignatureException": CredentialsError,
    "InvalidToken": CredentialsError,
    "MissingAuthenticationToken": CredentialsError,
    "MissingAuthenticationTokenException": CredentialsError,
    "RequestExpired": ExpiredCredentialsError,
    "RequestTimeTooSkewed": CredentialsError,
    "SignatureDoesNotMatch": CredentialsError,
    "UnrecognizedClientException": CredentialsError,
    # Any service: permissions
    "AccessDenied": AccessDeniedError,
    "NotAuthorized": AccessDeniedError,
    "OptInRequired": RegionError,
    "UnauthorizedException": AccessDeniedError,
    "UnauthorizedOperation": AccessDeniedError,
    # Any service: too fast
    "BandwidthLimitExceeded": ThrottledError,
    "EC2ThrottledException": ThrottledError,
    "LimitExceededException": ThrottledError,
    "PriorRequestNotComplete": ThrottledError,
    "ProvisionedThroughputExceededException": ThrottledError,
    "RequestLimitExceeded": ThrottledError,
    "RequestThrottled": ThrottledError,
    "RequestThrottledException": ThrottledError,
    "SlowDown": ThrottledError,
    "Throttling": ThrottledError,
    "TooManyRequestsException": ThrottledError,
    "TransactionInProgressException": ThrottledError,
    # Any service: trouble inside
    "InternalError": AmbiguousError,
    "InternalFailure": AmbiguousError,
    "InternalServerError": AmbiguousError,
    "RequestTimeout": AmbiguousError,
    "RequestTimeoutException": AmbiguousError,
    "ServiceUnavailable": AmbiguousError,
    "ServiceUnavailableException": AmbiguousError,
    # Any service: refused values
    "InvalidAction": InvalidRequestError,
    "InvalidParameterCombination": InvalidRequestError,
    "InvalidParameterValue": InvalidRequestError,
    "MalformedQueryString": InvalidRequestError,
    "MissingParameter": InvalidRequestError,
    "SerializationException": InvalidRequestError,
    "UnknownOperationException": InvalidRequestError,
    "ValidationError": InvalidRequestError,
}
"""Error codes to classes. Codes that aren't here are classified by their status."""

STATUSES: Mapping[int, type[AwsError]] = {
    401: CredentialsError,
    403: AccessDeniedError,
    404: NotFoundError,
    408: AmbiguousError,
    409: ConflictError,
    429: ThrottledError,
}
"""HTTP statuses to classes, for unknown codes."""
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")


def is_code(code: str) -> bool:
    """Return whether `code` looks like one of AWS's: other servers send none, or only the status's number."""
    return _CODE.fullmatch(code) is not None


def class_of(code: str, status: int) -> type[AwsError]:
    """Return the class of error of a response with this code and HTTP status."""
    if (known := CODES.get(code)) is not None:
        return known
    if "throttl" in code.casefold():
        return ThrottledError
    if status >= 500:
        return AmbiguousError
    if status == HTTPStatus.NOT_FOUND and not is_code(code):
        # Not AWS, which says by a code what is missing: another server's 404 must not make a profile count as deleted.
        return InvalidRequestError
    return STATUSES.get(status, InvalidRequestError)
