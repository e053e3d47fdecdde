"""Cost Explorer's three calls on cost allocation tags. Each method is one HTTP call and raises only `AwsError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from bulkprof.aws.errors.mapping import aws_errors
from bulkprof.aws.operations import CostOperation
from bulkprof.aws.service import ServiceApi
from bulkprof.aws.transport.responses import checked
from bulkprof.errors import AccessDeniedError
from bulkprof.money.cost_tags import Backfill, BillingTag, Refusal

KEYS_LISTED: Final = 100
"""Keys that one list may ask for."""
KEYS_CHANGED: Final = 20
"""Keys that one call may activate."""
_PAGE: Final = 1000
_LINKED: Final = "linked account"


class CostExplorerApi:
    """The calls, in the payer's account. Made of `AwsSessions.payer("ce")`."""

    def __init__(self, service: ServiceApi, payer_role: str | None) -> None:
        """`payer_role` is the role that the calls are made with, if the config names one; for messages."""
        self.where = service.where
        self._service = service
        self._payer_role = payer_role

    async def tags_page(
        self, keys: Sequence[str], next_token: str | None = None
    ) -> tuple[list[BillingTag], str | None]:
        """Return which of up to 100 keys billing has seen, and the token of the next page or None."""
        page = {"NextToken": next_token} if next_token else {}
        response = await self._call(CostOperation.TAGS, TagKeys=list(keys), MaxResults=_PAGE, **page)
        found = [
            BillingTag(
                each["TagKey"], active=each["Status"] == "Active", last_used=(each.get("LastUsedDate") or "")[:10]
            )
            for each in response["CostAllocationTags"]
        ]
        return found, response.get("NextToken") or None

    async def activate(self, keys: Sequence[str]) -> list[Refusal]:
        """Activate up to 20 keys, and return those that stay as they are. May be sent twice."""
        statuses = [{"TagKey": key, "Status": "Active"} for key in keys]
        response = await self._call(CostOperation.ACTIVATE, CostAllocationTagsStatus=statuses)
        return [
            Refusal(each["TagKey"], each.get("Code") or "", each.get("Message") or "no reason is given")
            for each in response.get("Errors") or ()
        ]

    async def backfill(self, since: date) -> Backfill:
        """Let past costs be counted by the active keys, from the first of a month on.

        Raises `ConflictError` where another backfill is under way, or was asked for within a day.
        """
        response = await self._call(CostOperation.BACKFILL, BackfillFrom=f"{since.isoformat()}T00:00:00Z")
        told = response["BackfillRequest"]
        return Backfill(told["BackfillFrom"][:10], told.get("BackfillStatus") or "")

    async def _call(self, operation: CostOperation, **values: Any) -> Mapping[str, Any]:
        try:
            response = await self._service.call(operation.api_name, values)
            with aws_errors(operation.api_name, self.where):
                return checked("ce", operation.api_name, response)
        except AccessDeniedError as error:
            message = f"{error.message.rstrip('.')}. {self._remedy(error, operation)}"
            raise AccessDeniedError(message, code=error.code, operation=operation.api_name, where=self.where) from None

    def _remedy(self, error: AccessDeniedError, operation: CostOperation) -> str:
        if _LINKED not in error.message.casefold():
            return f"Allow {operation}: bulkprof iam-policy --cost-tags prints what is needed"
        if self._payer_role:
            return f"`payer_role` in [organization] has to be a role of the payer account, which {self.where} isn't"
        return (
            "Only the payer (management) account can: set `payer_role` in [organization] to the ARN of a role there, "
            "or use that account's credentials"
        )
