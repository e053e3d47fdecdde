"""TLS: which certificate authorities are trusted. This module loads the SDK: import it late."""

from __future__ import annotations

import ssl
from pathlib import Path

from botocore.httpsession import create_urllib3_context, get_cert_path

from bulkprof.errors import SettingsError

Trust = bool | str
"""Which authorities TLS trusts: those in a file, the usual ones (True), or any (False)."""


def trusted(verify: Trust | None) -> Trust:
    """Return what a client's setting `verify` trusts: nothing in the environment can turn verification off.

    To the SDK, an empty AWS_CA_BUNDLE means that certificates aren't verified.
    """
    return verify or True


def tls_context(verify: Trust) -> ssl.SSLContext:
    """Return a context that trusts what `verify` says. Raises `SettingsError` for a file that can't be used.

    It is the SDK's own context, so that it trusts the same authorities, also where Python's default is stricter.
    """
    bundle: str = get_cert_path(verify)
    context: ssl.SSLContext = create_urllib3_context()
    # The SDK leaves checking host names to urllib3; aiohttp leaves it to the context.
    context.check_hostname = True
    try:
        context.load_verify_locations(cafile=bundle)
        if not context.get_ca_certs():
            # As for a file that isn't a list of authorities.
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
