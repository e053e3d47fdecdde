"""AWS for the rest of bulkprof: sessions, the Bedrock calls of one target, the model catalogue, accounts.

The one folder that knows the SDK. Importing it is quick: the SDK itself is loaded when `AwsSessions` is entered.
Its calls raise only `AwsError`.
"""

from bulkprof.aws.bedrock import BedrockApi
from bulkprof.aws.catalogue import Catalogue, FoundationModel, ResolvedModel, SystemProfile
from bulkprof.aws.operations import OrganizationOperation
from bulkprof.aws.organization import OrganizationApi, OrganizationWalk
from bulkprof.aws.sessions import AwsSessions, CallerIdentity

__all__ = [
    "AwsSessions",
    "BedrockApi",
    "CallerIdentity",
    "Catalogue",
    "FoundationModel",
    "OrganizationApi",
    "OrganizationOperation",
    "OrganizationWalk",
    "ResolvedModel",
    "SystemProfile",
]
