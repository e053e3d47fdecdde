"""Role sessions: their access keys, which contain the account as AWS's do.

The account is encoded in the key itself, so a sandbox that is killed and started again still knows the account of
keys that clients hold.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from typing import Final

_PREFIX: Final = "ASIA"


def mint_key(account: str, serial: int) -> str:
    """Return the access key id (20 characters) of a session in `account`; `serial` tells sessions apart."""
    packed = int(account).to_bytes(5, "big") + (serial % 2**24).to_bytes(3, "big")
    return _PREFIX + base64.b32encode(packed + _check(packed)).decode()


def account_of_key(access_key: str) -> str | None:
    """Return the account that `mint_key` encoded in the key; None for any other key."""
    if len(access_key) != 20 or not access_key.startswith(_PREFIX):
        return None
    try:
        raw = base64.b32decode(access_key[4:])
    except ValueError:
        return None
    packed, check = raw[:8], raw[8:]
    if check != _check(packed):
        return None
    return f"{int.from_bytes(packed[:5], 'big'):012d}"


def _check(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=2).digest()


class Sessions:
    """The assumed-role sessions of this process: their role and their age."""

    def __init__(self, default_account: str) -> None:
        self._default_account = default_account
        self._lock = threading.Lock()
        self._serial = secrets.randbelow(2**24)
        self._roles: dict[str, tuple[str, str]] = {}
        self._issued: dict[str, float] = {}

    def open(self, account: str, role: str, session_name: str, now: float) -> str:
        """Start a session and return its access key id."""
        with self._lock:
            self._serial += 1
            key = mint_key(account, self._serial)
            self._roles[key] = (role, session_name)
            self._issued[key] = now
        return key

    def account(self, access_key: str) -> str:
        """Return the account of a key."""
        return account_of_key(access_key) or self._default_account

    def issued_at(self, access_key: str) -> float | None:
        """Return when the session started, in the sandbox's clock; None for keys of no session of this process."""
        return self._issued.get(access_key)

    def principal(self, access_key: str, partition: str) -> str:
        """Return the caller's ARN."""
        account = self.account(access_key)
        if access_key in self._roles:
            role, session_name = self._roles[access_key]
            return f"arn:{partition}:sts::{account}:assumed-role/{role}/{session_name}"
        if account_of_key(access_key):
            return f"arn:{partition}:sts::{account}:assumed-role/unknown/before-restart"
        return f"arn:{partition}:iam::{account}:user/sandbox"
