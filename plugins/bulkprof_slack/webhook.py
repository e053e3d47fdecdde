"""The webhook: where its URL comes from, and posting to it without ever showing it."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from pydantic import SecretStr

from bulkprof.plugins import ClientFactory, GiveUpError

if TYPE_CHECKING:
    import ssl

Webhook = Callable[[], Awaitable[SecretStr]]
"""Returns the URL, fetched when it is needed."""

TRIES = 3
MAX_WAIT_S = 10.0
"""Longest Retry-After that is waited for, in seconds; after a longer one, the message is left to a later delivery."""
_WORD = re.compile(r"[a-z]{2,20}(?:_[a-z]{2,20}){1,5}")
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_GONE = frozenset({"invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "no_active_hooks"})
_CHANNEL = frozenset(
    {"channel_not_found", "channel_is_archived", "action_prohibited", "posting_to_general_channel_denied"}
)


class WebhookError(RuntimeError):
    """The message could not be posted. The text never holds the webhook's URL."""


class RefusedError(WebhookError, GiveUpError):
    """Slack refused the message: sending it again would fail again, or be sooner than Slack asks for."""


def from_environment(variable: str) -> Webhook:
    """Return the webhook whose URL the environment variable holds. Raises `ValueError` when it is unset or no URL."""
    text = os.environ.get(variable, "").strip()
    if not text:
        raise ValueError(f"the environment variable {variable} is not set; it must hold the Slack webhook's URL")
    url = _checked(text, f"the environment variable {variable}")

    async def fetch() -> SecretStr:
        return url

    return fetch


def from_secret(secret: str, client: ClientFactory) -> Webhook:
    """Return the webhook whose URL is the text of a secret in AWS Secrets Manager, read when it is needed."""

    async def fetch() -> SecretStr:
        # An ARN names the secret's Region; a name alone is of the SDK's default Region.
        region = secret.split(":")[3] if secret.startswith("arn:") and secret.count(":") > 3 else None
        async with client("secretsmanager", region=region) as manager:
            try:
                response = await manager.get_secret_value(SecretId=secret)
            except Exception as error:
                code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
                raise WebhookError(
                    f"the secret {secret} with the Slack webhook can't be read: {code}; it must exist, and the run's"
                    " credentials need secretsmanager:GetSecretValue on it"
                ) from error
        return _checked(str(response.get("SecretString", "")).strip(), f"the secret {secret}")

    return fetch


def _checked(text: str, place: str) -> SecretStr:
    wrong = ValueError(f"{place} must hold an https URL, such as Slack shows for an incoming webhook")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise wrong from None
    # Plain http would show the URL to the network; it is allowed only on this machine.
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL)):
        raise wrong
    return SecretStr(text)


async def post(url: SecretStr, message: dict[str, Any], *, timeout_s: float) -> None:
    """Post `message`; if Slack is busy, wait as it asks and try again. Raises `WebhookError`."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=timeout_s)
    connector = aiohttp.TCPConnector(ssl=await anyio.to_thread.run_sync(tls_context))
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True) as session:
        for attempt in range(1, TRIES + 1):
            try:
                async with session.post(url.get_secret_value(), json=message, allow_redirects=False) as response:
                    status, wait = response.status, response.headers.get("Retry-After", "")
                    # Slack's are a few words; another server's may be endless.
                    text = (await response.content.read(200)).decode(errors="replace").strip()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                # Only the class: its message and its context hold the URL.
                failure = type(error).__name__
                if isinstance(error, aiohttp.ClientHttpProxyError):
                    failure = f"the proxy refused to connect (HTTP {error.status}); check HTTPS_PROXY"
                    if error.status == 407:
                        failure = "the proxy asks for a user name and password (HTTP 407); write them into HTTPS_PROXY"
                if isinstance(error, aiohttp.ClientSSLError):
                    failure += "; where a proxy opens TLS, name its authority's file in AWS_CA_BUNDLE"
                status = 0
            if status == 0:
                raise WebhookError(f"Slack could not be reached: {failure}")
            if status == 200:
                return
            seconds = _seconds(wait)
            if status != 429 or attempt == TRIES or seconds > MAX_WAIT_S:
                raise (WebhookError if status >= 500 else RefusedError)(_refusal(status, text, seconds))
            await anyio.sleep(seconds)


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 1.0


def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the usual authorities, and those of AWS_CA_BUNDLE, for proxies that open TLS.

    No stricter than the SDK's: authorities of companies often violate RFC 5280.
    """
    import ssl

    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if bundle := os.environ.get("AWS_CA_BUNDLE", ""):
        try:
            context.load_verify_locations(cafile=bundle)
        except OSError as error:
            reason = "no list of certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise WebhookError(f"AWS_CA_BUNDLE can't be used: {bundle}: {reason}") from None
    return context


def _refusal(status: int, text: str, seconds: float) -> str:
    # Only Slack's own codes are shown: any other text may come from a proxy, and repeat the URL.
    if text in _CHANNEL:
        return f"Slack answered {status} {text}: the webhook's channel takes no messages; choose another"
    if text in _GONE or status in (404, 410):
        said = f"{status} {text}" if text in _GONE else str(status)
        return f"Slack answered {said}: the webhook was revoked; make a new one and set its URL"
    if status == 429:
        return f"Slack answered 429: too many messages; try again later, in {seconds:.0f} s at the earliest"
    # Slack's own errors are words such as invalid_blocks; no part of a webhook's secret URL looks like that.
    return f"Slack answered {status}{f' {text}' if _WORD.fullmatch(text) else ''}"
