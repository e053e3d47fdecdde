"""The schema of manifests in JSON and YAML; in JSON Lines, each line is a `profile` of it.

Columns that it doesn't name are attributes, which may be anything: only the rules of a config know which they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulkprof.manifests.columns import KNOWN, TAGS
from bulkprof.schemas.parts import Schema, described

_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_SEVERAL: Schema = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
_TAG = {"type": "object", "minProperties": 2, "maxProperties": 2, "additionalProperties": _SCALAR}
_TAGS = {
    "description": "Tags: an object of keys and values, or AWS's list of objects with Key and Value.",
    "anyOf": [
        {"type": "object", "additionalProperties": _SCALAR},
        {"type": "array", "items": _TAG},
    ],
}
_ABOUT: Mapping[str, tuple[Schema, str]] = {
    "name": (_SCALAR, "The profile's name; without one, the naming plugin makes it."),
    "model": (
        _SEVERAL,
        "What the profile is made from: an alias of the config's [models], a model id, geo: and a model id, a system "
        "profile id, or an ARN. Of several, each gets a profile.",
    ),
    "description": (_SCALAR, "The profile's description."),
    "account": (
        _SEVERAL,
        "Where the profile is made: an account id, an alias of the config, or a selector such as ou:OU-ID, org:* or "
        "tag:KEY=VALUE. Of several, each gets a profile.",
    ),
    "region": (_SEVERAL, "Where the profile is made: a Region. Of several, each gets a profile."),
    "disown": (_SCALAR, "true where the profile is to be let go of: it stays, without the tags that say whose it is."),
}


def make() -> dict[str, Any]:
    """Return the schema of a whole manifest."""
    profiles = {"type": "array", "items": {"$ref": "#/$defs/profile"}}
    profile = {
        "description": "A row: what is wanted, in one place or several.",
        "type": "object",
        "properties": {**described({column: _ABOUT[column] for column in KNOWN}), TAGS: _TAGS},
        "patternProperties": {r"^[Tt][Aa][Gg]\s*:": {"description": "The value of the tag of this key.", **_SCALAR}},
    }
    return {
        "title": "A manifest of bulkprof in JSON or YAML",
        "anyOf": [profiles, {"type": "object", "properties": {"profiles": profiles}, "required": ["profiles"]}],
        "$defs": {"profile": profile},
    }
