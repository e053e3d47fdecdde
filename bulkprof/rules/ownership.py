"""Which tags of a profile bulkprof manages, written on the profile itself: no state file is needed to know.

A key that manifests and rules used to declare and no longer do must be removed, and a key that others set must
stay. Both look alike on the profile, so a tag of its own (`bulkprof:keys`) lists the declared keys. AWS takes 256
characters there, all of them such as keys may hold, too. Most lists are the names themselves, with blanks between them,
which people can read; where names hold blanks or are too long, they are short digests: 48 of them always fit.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from bulkprof.limits import TAG_VALUE_LENGTH

_DIGESTS = "sha256:"
"""What a list of digests begins with."""
_WIDTH = 5
"""Characters of a digest, 6 bits each: a full list claims one in twenty million foreign keys by chance."""
_CACHE = 4096


@lru_cache(_CACHE)
def claim(keys: tuple[str, ...]) -> str:
    """The tag value that claims `keys`; their order doesn't matter. Raises `ValueError` where they don't fit."""
    names = sorted(keys)
    text = " ".join(names)
    plain = len(text) <= TAG_VALUE_LENGTH and not any(_needs_digest(name) for name in names)
    if not plain:
        text = _DIGESTS + "".join(sorted(map(_digest, names)))
    if len(text) > TAG_VALUE_LENGTH:
        raise ValueError(f"{len(names)} keys are more than a tag can list")
    return text


@dataclass(frozen=True, slots=True)
class Claim:
    """A list as it was read from a profile. Whatever it holds, it claims something or nothing, and never fails."""

    names: frozenset[str]
    """Names, or digests of names."""
    digests: bool

    def covers(self, key: str) -> bool:
        """Whether the list claims `key`."""
        return (_digest(key) if self.digests else key) in self.names

    def beyond(self, keys: Iterable[str]) -> bool:
        """Whether the list claims a key that isn't one of `keys`."""
        return bool(self.names - set(map(_digest, keys) if self.digests else keys))


@lru_cache(_CACHE)
def read(value: str) -> Claim:
    """Read a list that `claim` wrote."""
    if not value.startswith(_DIGESTS):
        return Claim(frozenset(value.split()), digests=False)
    text = value.removeprefix(_DIGESTS)
    return Claim(frozenset(text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)), digests=True)


def _needs_digest(name: str) -> bool:
    return name.startswith(_DIGESTS) or name.split() != [name]


@lru_cache(_CACHE)
def _digest(name: str) -> str:
    # Base64's alphabet is one that AWS takes.
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()[:_WIDTH]
