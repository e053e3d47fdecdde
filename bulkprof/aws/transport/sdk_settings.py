"""Settings of the SDK's that it takes as they are, and that only the first call would stumble over.

Each check raises `SettingsError` or `RegionError` with the variable to mend. Endpoints are never shown: they may
hold a password.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from bulkprof.errors import RegionError, SettingsError

_APP_ID = re.compile(r"[!-~]*")
_REGION = re.compile(r"[A-Za-z0-9-]+")


def check_region(region: str) -> None:
    """Refuse a default Region that can be no part of a host's name. An empty one may be no matter."""
    if region and not _REGION.fullmatch(region):
        raise RegionError(
            f"{region!r} is no Region's name; check AWS_REGION, AWS_DEFAULT_REGION and the profile",
            code="InvalidRegion",
        )


def check_app_id(app_id: str | None) -> str | None:
    """Answer the app id as it is. Raises where no header can carry it."""
    if app_id and not _APP_ID.fullmatch(app_id):
        raise SettingsError(
            "the app id holds a blank, a line break or a letter that isn't ASCII; check AWS_SDK_UA_APP_ID, and "
            "sdk_ua_app_id in the AWS config file",
            code="AppId",
        )
    return app_id


def check_endpoint(url: str) -> None:
    """Refuse an endpoint that no request can be sent to."""
    carries = False
    try:
        parts = urlsplit(url)
        carries = "@" in parts.netloc
        # What comes after a # is never sent, and so would be the paths that are added to it.
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "#" not in url
    except ValueError:
        whole = False
    if whole and carries:
        raise SettingsError(
            "the endpoint's URL holds a user name or password, which a signed call can't carry; leave them out of "
            "AWS_ENDPOINT_URL, its like for single services, and endpoint_url in the AWS config file",
            code="EndpointUrl",
        )
    if not whole or not url.isascii() or not url.isprintable() or " " in url:
        # What it is instead may be a secret that came into the wrong variable.
        raise SettingsError(
            "the endpoint that is set is not a URL such as https://host:port; check AWS_ENDPOINT_URL, its like for "
            "single services, and endpoint_url in the AWS config file",
            code="Endpoint",
        )


def trusting(bundle: str) -> ssl.SSLContext:
    """A TLS context that trusts the authorities in the file `bundle`.

    It is the SDK's own, so that it trusts whom the SDK trusts, also where Python's default is stricter.
    """
    from botocore.httpsession import create_urllib3_context

    context: ssl.SSLContext = create_urllib3_context()
    # The SDK leaves names to urllib3, which compares them itself; aiohttp leaves them to the context.
    context.check_hostname = True
    try:
        context.load_verify_locations(cafile=bundle)
        if not context.get_ca_certs():
            # As for a file that is no list of them.
            raise ssl.SSLError
    except (OSError, ValueError) as error:
        path = Path(bundle)
        reason = "there is no certificate in PEM form in it"
        if path.is_dir():
            reason = "it is a folder, not a file"
        elif not isinstance(error, ssl.SSLError):
            reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"the list of trusted authorities {bundle} can't be used: {reason}; check AWS_CA_BUNDLE, "
            "REQUESTS_CA_BUNDLE, and ca_bundle in the AWS config file",
            code="CaBundle",
        ) from None
    return context
