"""Makes text fit AWS's names: parts without refused characters, short models, and the hash that tells names apart."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Sequence
from hashlib import blake2b

from bulkprof.plugins import Allowed, clean

_CLEAN = re.compile(r"[0-9a-zA-Z]++(?:[_-][0-9a-zA-Z]++)*")
HASH_LENGTH = 10
"""50 bits in base32: of a thousand names with the same beginning, two collide with a probability of 1 in 10**9."""

# `us.anthropic.` or `amazon.`, but not the `glm-4.` of `zai.glm-4.7`: models have digits, most providers have none.
_ORIGIN = re.compile(r"^(?:[a-z-]+\.)+(?=.)")
_FIRST_VERSION = re.compile(r"(?:-v?1)?:0$|-v1$")
_DATE = re.compile(r"-20\d{6}(?=$|[-:])")


def is_clean(name: str) -> bool:
    """Return whether `name` is words with a single `-` or `_` between them."""
    return _CLEAN.fullmatch(name) is not None


def are_parts(values: Sequence[str]) -> bool:
    """Return whether `name_part` would leave all of `values` as they are."""
    # Joined, they are clean only if each is: a separator at an end would be doubled.
    return is_clean("-".join(values))


def name_part(value: str, separator: str) -> str:
    """Return `value` as a part of a name: begins and ends with a letter or digit, with single separators within.

    Letters become plain ones (`é` is `e`, `ø` is `o`), a single `-` or `_` stays, and every other run of characters
    becomes `separator`. Empty if nothing is left.
    """
    # The name as a whole is cut, not its parts: what is cut off tells names apart in the hash.
    return value if _CLEAN.fullmatch(value) else str(clean(value, Allowed("", "-_", separator, sys.maxsize)))


def model_label(model: str) -> str:
    """Return what `{model}` shows for a model that isn't an alias: `claude-sonnet-4`, `titan-embed-text-v2`.

    That is the last part of an ARN, without `geo:`, Region group and provider, date, and first version (`-v1:0`).
    Later versions stay, as they are models of their own. Two models that still look the same need aliases.
    """
    label = model.rsplit("/", 1)[-1].removeprefix("geo:")
    label = _ORIGIN.sub("", label)
    return _FIRST_VERSION.sub("", _DATE.sub("", label))


def with_hash(name: str, written: Sequence[str], *, limit: int, separator: str) -> str:
    """Return `name`, cut to `limit`, ending in a hash of the whole name and of the values as the row writes them.

    The values are in it because different ones can make the same name: `a.b` and `a-b`, or `a-b`, `c` and `a`, `b-c`.
    """
    identity = json.dumps([name, *written]).encode()
    digest = base64.b32encode(blake2b(identity, digest_size=20).digest())[:HASH_LENGTH].decode().lower()
    head = name[: limit - HASH_LENGTH - len(separator)].rstrip(" _-")
    return f"{head}{separator}{digest}"
