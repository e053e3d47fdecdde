"""Checks of the SDK settings that the SDK doesn't check itself, so that only the first call would fail.

Each check raises `SettingsError` or `RegionError` with the variable to correct. Endpoints are never shown: they may
hold a password.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bulkprof.errors import RegionError, SettingsError

_APP_ID = re.compile(r"[!-~]*")
_REGION = re.compile(r"[A-Za-z0-9-]+")


def check_region(region: str) -> None:
    """Raise for a default Region that can't be part of a host name. An empty one is allowed: it may not be needed."""
    if region and not _REGION.fullmatch(region):
        raise RegionError(
            f"{region!r} is no Region's name; check AWS_REGION, AWS_DEFAULT_REGION and the profile",
            code="InvalidRegion",
        )


def check_app_id(app_id: str | None) -> str | None:
    """Return the app id as it is. Raises where no HTTP header can hold it."""
    if app_id and not _APP_ID.fullmatch(app_id):
        raise SettingsError(
            "the app id holds a blank, a line break or a letter that isn't ASCII; check AWS_SDK_UA_APP_ID, and "
            "sdk_ua_app_id in the AWS config file",
            code="AppId",
        )
    return app_id


def check_endpoint(url: str) -> None:
    """Raise for an endpoint that no request can be sent to."""
    has_password = False
    try:
        parts = urlsplit(url)
        has_password = "@" in parts.netloc
        # A fragment (#) is never sent, and a path that is appended would become part of it.
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "#" not in url
    except ValueError:
        whole = False
    if whole and has_password:
        raise SettingsError(
            "the endpoint's URL holds a user name or password, which a signed call can't carry; leave them out of "
            "AWS_ENDPOINT_URL, its like for single services, and endpoint_url in the AWS config file",
            code="EndpointUrl",
        )
    if not whole or not url.isascii() or not url.isprintable() or " " in url:
        # The value isn't shown: it may be a secret in the wrong variable.
        raise SettingsError(
            "the endpoint that is set is not a URL such as https://host:port; check AWS_ENDPOINT_URL, its like for "
            "single services, and endpoint_url in the AWS config file",
            code="Endpoint",
        )
