"""Posting to a server on the web, for sinks: through the network's proxy, and without ever showing the URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from pydantic import SecretStr

if TYPE_CHECKING:
    import ssl

    import aiohttp

TRIES = 3
MAX_WAIT_S = 10.0
"""Seconds that a post waits in all, as Retry-After asks; what would take longer is left to a later delivery."""
USUAL_WAIT_S = 1.0
"""Seconds to wait where a busy server doesn't say how long."""
LONGEST = 200
"""How many bytes of an answer are read: a server that isn't the expected one may answer endlessly."""
_NOT_NOW = frozenset({408, 409, 425, 429})


class HttpError(RuntimeError):
    """There was no answer, or none that helps. The text never holds the URL."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered."""

    status: int
    text: str
    """Its beginning. It may repeat the URL: show no more of it than words that you know."""
    retry_after_s: float | None = None
    """Seconds that its Retry-After header asks to wait, if it has one."""

    @property
    def ok(self) -> bool:
        """Whether the server took what was posted."""
        return 200 <= self.status < 300

    @property
    def is_busy(self) -> bool:
        """Whether the server asks to be asked later."""
        return self.status == 429 or (self.status >= 500 and self.retry_after_s is not None)

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return not self.ok and self.status < 500 and self.status not in _NOT_NOW

    @property
    def wait_s(self) -> float:
        """Seconds to wait before the next request."""
        return USUAL_WAIT_S if self.retry_after_s is None else self.retry_after_s


async def http_post(
    url: SecretStr, body: bytes, *, server: str, timeout_s: float, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """Post `body` as JSON, or as the header `Content-Type` says, and return the answer, whatever its status is.

    A server that is busy is waited for as it asks, and asked again, a few times. Redirects aren't followed. As the SDK
    does, it goes through the proxy in HTTPS_PROXY but for hosts in NO_PROXY, and trusts the authorities in
    AWS_CA_BUNDLE, besides the usual ones.

    `server` is the server's name in messages. Raises `HttpError`, which says nothing of the URL.
    """
    import aiohttp

    address = url.get_secret_value()
    proxy = _proxy(address)
    # Without TLS there is nothing to trust, and reading the authorities takes 50 ms.
    trust = await anyio.to_thread.run_sync(tls_context) if urlsplit(address).scheme == "https" else True
    connector = aiohttp.TCPConnector(ssl=trust)
    # Encoding "identity", and nothing is unpacked: a few bytes could become endless text.
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    waited, attempt = 0.0, 1
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=timeout_s), headers=sent, auto_decompress=False
    ) as session:
        while True:
            answer = await _post_once(session, url, body, proxy)
            if isinstance(answer, str):
                raise HttpError(f"{server} could not be reached: {answer}")
            waited += answer.wait_s
            if not answer.is_busy or waited > MAX_WAIT_S or attempt == TRIES:
                return answer
            await anyio.sleep(answer.wait_s)
            attempt += 1


async def _post_once(
    session: aiohttp.ClientSession, url: SecretStr, body: bytes, proxy: str | None
) -> HttpAnswer | str:
    """Return the answer, or why there is none. It raises nothing: the context of an exception would hold the URL."""
    import aiohttp

    from bulkprof.system.retry_after import retry_after

    try:
        async with session.post(url.get_secret_value(), data=body, proxy=proxy, allow_redirects=False) as response:
            wait_s = retry_after({name.lower(): value for name, value in response.headers.items()})
            text = (await response.content.read(LONGEST)).decode(errors="replace").strip()
            return HttpAnswer(response.status, text, wait_s)
    except aiohttp.ClientHttpProxyError as error:
        if error.status == 407:
            return "the proxy asks for a user name and password (HTTP 407); write them into HTTPS_PROXY"
        return f"the proxy refused to connect (HTTP {error.status}); check HTTPS_PROXY"
    except aiohttp.ClientSSLError as error:
        return f"{type(error).__name__}; where a proxy opens TLS, name its authority's file in AWS_CA_BUNDLE"
    except TimeoutError:
        return f"no answer within {session.timeout.total:g} s"
    except ValueError:
        return "its URL can't be used, or that of the proxy in HTTPS_PROXY"
    except (aiohttp.ClientError, OSError) as error:
        # Only the class: its message and its context hold the URL.
        return type(error).__name__


def _proxy(address: str) -> str | None:
    """Return the URL of the proxy to go through, found as the SDK finds it. Raises `HttpError` where it is none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(address)
    # Without TLS, it goes to this machine: a proxy would see all of it.
    if parts.scheme != "https" or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = getproxies().get("https", "")
    if not proxy:
        return None
    scheme, mark, _ = proxy.partition("://")
    if mark and scheme not in ("http", "https"):
        raise HttpError("the proxy in HTTPS_PROXY must be one that speaks HTTP: http://host:port")
    return proxy if mark else f"http://{proxy}"


def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the usual authorities, and those of AWS_CA_BUNDLE, for proxies that open TLS.

    No stricter than the SDK's: authorities of companies often violate RFC 5280. Raises `HttpError`.
    """
    import ssl

    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if bundle := os.environ.get("AWS_CA_BUNDLE", ""):
        try:
            context.load_verify_locations(cafile=bundle)
        except OSError as error:
            reason = "no list of certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise HttpError(f"AWS_CA_BUNDLE can't be used: {bundle}: {reason}") from None
    return context
