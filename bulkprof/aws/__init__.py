"""AWS as the rest of bulkprof sees it: sessions, the Bedrock calls of one target, accounts.

The one folder that knows the SDK. Importing it is quick: the SDK itself is loaded when `AwsSessions` is entered.
Its calls raise only `AwsError`.
"""

from bulkprof.aws.bedrock import BedrockApi
from bulkprof.aws.operations import OrganizationOperation
from bulkprof.aws.organization import OrganizationApi, OrganizationWalk
from bulkprof.aws.sessions import AwsSessions, CallerIdentity

__all__ = [
    "AwsSessions",
    "BedrockApi",
    "CallerIdentity",
    "OrganizationApi",
    "OrganizationOperation",
    "OrganizationWalk",
]
