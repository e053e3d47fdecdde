"""The signature: HMAC-SHA256 over the time and the body, so that neither can be changed nor sent again later."""

from __future__ import annotations

import hashlib
import hmac

from pydantic import SecretStr


def signature_headers(key: SecretStr, body: bytes, now: int) -> dict[str, str]:
    """Return the headers that sign a body which is sent `now`, in epoch seconds.

    What is signed is the time in decimal digits, a dot, and the body's bytes.
    """
    signed = b"%d.%b" % (now, body)
    digest = hmac.new(key.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
    return {"Bulkprof-Timestamp": str(now), "Bulkprof-Signature": f"t={now},v1={digest}"}
