"""AWS as the rest of bulkprof sees it: sessions, the Bedrock calls of one target, accounts.

The one folder that knows the SDK. Importing it is quick: the SDK itself is loaded when `AwsSessions` is entered.
Everything that leaves it as an exception is an `AwsError`.
"""

from bulkprof.aws.bedrock import BedrockApi
from bulkprof.aws.organization import OrganizationApi, OrganizationOperation, OrganizationWalk
from bulkprof.aws.sessions import AwsSessions, Caller

__all__ = [
    "AwsSessions",
    "BedrockApi",
    "Caller",
    "OrganizationApi",
    "OrganizationOperation",
    "OrganizationWalk",
]
