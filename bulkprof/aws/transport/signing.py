"""AWS Signature Version 4, for the JSON calls that bulkprof makes by the hundred thousand.

The SDK's signer costs a tenth of a whole creation: it derives the signing key anew for every call and goes through the
headers four times. The key changes once a day, so here it is kept. What is signed, and in which form, is the SDK's
choice: the tests hold this against its signer. This module loads the SDK: import it late.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from urllib.parse import quote, unquote, urlsplit

from botocore.auth import SIGNED_HEADERS_BLACKLIST
from botocore.utils import normalize_url_path

from bulkprof.aws.credentials.keys import Keys

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSIGNED = frozenset(SIGNED_HEADERS_BLACKLIST)
"""Headers that something on the way may change, in lower case."""


class Signer:
    """Signs requests to one service in one Region with whatever keys are good when each goes out."""

    def __init__(
        self,
        service: str,
        region: str,
        keys: Callable[[], Awaitable[Keys]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self.service = service
        self.region = region
        self._second = -1
        self._stamp = ""
        self._derived_from: tuple[str, str] = ("", "")
        self._key = b""

    async def sign(self, method: str, url: str, headers: MutableMapping[str, str], body: bytes) -> None:
        """Add `Host`, the date, the session token and the signature to `headers`.

        `url` is encoded as it will be sent. Headers that are added afterwards are sent unsigned. Raises `AwsError` when
        there are no keys to sign with.
        """
        keys = await self._keys()
        host, path, query = _canonical(url)
        headers.setdefault("Host", host)
        headers.pop("Authorization", None)
        stamp = headers["X-Amz-Date"] = self._now()
        if keys.token:
            headers["X-Amz-Security-Token"] = keys.token
        signed: dict[str, str] = {}
        for name, value in headers.items():
            lower, plain = name.lower(), " ".join(value.split())
            if lower not in _UNSIGNED:
                signed[lower] = f"{signed[lower]},{plain}" if lower in signed else plain
        names = sorted(signed)
        all_names = ";".join(names)
        canonical = "\n".join(
            [
                method,
                path,
                query,
                *[f"{name}:{signed[name]}" for name in names],
                "",
                all_names,
                hashlib.sha256(body).hexdigest(),
            ]
        )
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._signing_key(keys.secret_key, stamp[:8]), to_sign.encode(), hashlib.sha256)
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders={all_names}, "
            f"Signature={signature.hexdigest()}"
        )

    def _now(self) -> str:
        second = int(self._clock())
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        return self._stamp

    def _signing_key(self, secret: str, day: str) -> bytes:
        if self._derived_from != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._derived_from = key, (secret, day)
        return self._key


@functools.lru_cache
def _canonical(url: str) -> tuple[str, str, str]:
    """Host, path and query as they are signed: creations all have the same URL."""
    parts = urlsplit(url)
    # Without dot segments and doubled slashes, though they are sent, and encoded once more on top of what is sent: so
    # the scheme wants it, except for S3.
    return host_of(url), quote(normalize_url_path(parts.path), safe="/~"), _canonical_query(parts.query)


def host_of(url: str) -> str:
    """Answer the Host header of a request to `url`: with the port, unless it is the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = (pair.partition("=") for pair in query.split("&"))
    # The SDK's own URLs use `+` for nothing but a space in a value.
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text.replace("+", " ")), safe="-_.~")
