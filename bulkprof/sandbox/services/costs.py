"""Cost Explorer's operations on cost allocation tags: of the payer's account only, as in AWS.

Billing sees the tag keys that any profile carries or has carried.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.operations import CostOperation
from bulkprof.sandbox.state.store import ProfileStore
from bulkprof.sandbox.wire import JSON_1_1_TYPE, Call, Response, json_response

MOST_ACTIVE: Final = 500
_KEYS_CHANGED: Final = 20
_PAGE: Final = 100
_BACKFILL_EVERY: Final = timedelta(hours=24)
_VERBS: Final = {CostOperation.LIST: "list", CostOperation.UPDATE: "update", CostOperation.BACKFILL: "backfill"}


def route(call: Call) -> bool:
    """Set operation and input. False for a call that moto does."""
    return call.read_json() and call.operation in set(CostOperation)


def handle(call: Call, store: ProfileStore, payer: str) -> Response:
    """Do a routed call. Raises ApiError."""
    operation = CostOperation(call.operation)
    if call.account != payer:
        raise ApiError(
            "AccessDeniedException",
            f"Failed to {_VERBS[operation]} Cost Allocation Tags: Linked account doesn't have access to cost "
            "allocation tags.",
        )
    work = {CostOperation.LIST: _list, CostOperation.UPDATE: _update, CostOperation.BACKFILL: _backfill}[operation]
    return json_response(work(call.params, store, payer), content_type=JSON_1_1_TYPE)


def _list(params: dict[str, Any], store: ProfileStore, _payer: str) -> dict[str, Any]:
    keys = params.get("TagKeys")
    if keys is not None and not 1 <= len(keys) <= _PAGE:
        raise ApiError("ValidationException", "TagKeys must have between 1 and 100 entries.")
    limit, token = params.get("MaxResults", _PAGE), params.get("NextToken") or "0"
    if not token.isdecimal():
        raise ApiError("InvalidNextTokenException", "The next token is invalid.")
    found = [
        {
            "TagKey": key,
            "Type": "UserDefined",
            "Status": "Active" if key in store.active_cost_tags else "Inactive",
            "LastUsedDate": _moment(last),
        }
        for key, last in sorted(store.billed_tag_keys().items())
        if keys is None or key in keys
    ]
    if status := params.get("Status"):
        found = [tag for tag in found if tag["Status"] == status]
    start = int(token)
    page: dict[str, Any] = {"CostAllocationTags": found[start : start + limit]}
    if len(found) > start + limit:
        page["NextToken"] = str(start + limit)
    return page


def _update(params: dict[str, Any], store: ProfileStore, payer: str) -> dict[str, Any]:
    wanted = params.get("CostAllocationTagsStatus") or []
    if not 1 <= len(wanted) <= _KEYS_CHANGED:
        raise ApiError("ValidationException", "CostAllocationTagsStatus must have between 1 and 20 entries.")
    seen, active, errors = store.billed_tag_keys(), set(store.active_cost_tags), []
    for each in wanted:
        key = each["TagKey"]
        if key not in seen:
            errors.append(_error(key, "TagKeyNotFound", f"Tag key not found: {key}"))
        elif each["Status"] == "Inactive":
            active.discard(key)
        elif key not in active and len(active) >= MOST_ACTIVE:
            errors.append(_error(key, "LimitExceeded", f"At most {MOST_ACTIVE} cost allocation tags can be active."))
        else:
            active.add(key)
    store.set_cost_tags(payer, sorted(active))
    return {"Errors": errors}


def _backfill(params: dict[str, Any], store: ProfileStore, payer: str) -> dict[str, Any]:
    now = datetime.fromtimestamp(store.now(), UTC)
    try:
        since = date.fromisoformat(str(params.get("BackfillFrom"))[:10])
    except ValueError:
        since = date.max
    months = (now.year - since.year) * 12 + now.month - since.month
    if since.day != 1 or since > now.date() or months > 12:
        raise ApiError("ValidationException", "BackfillFrom has to be the first day of one of the last 12 months.")
    if now - datetime.fromtimestamp(store.backfilled_at, UTC) < _BACKFILL_EVERY:
        raise ApiError("BackfillLimitExceededException", "A request to backfill is already in progress.")
    store.note_backfill(payer)
    asked = _moment(store.now())
    request = {"BackfillFrom": f"{since}T00:00:00Z", "RequestedAt": asked, "BackfillStatus": "PROCESSING"}
    return {"BackfillRequest": {**request, "LastUpdatedAt": asked}}


def _error(key: str, code: str, message: str) -> dict[str, str]:
    return {"TagKey": key, "Code": code, "Message": message}


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
