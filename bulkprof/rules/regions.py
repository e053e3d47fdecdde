"""Regions that are likely misspelt: `us-esat-1`.

Which Regions there are, only AWS knows, and it opens new ones: so whatever has a Region's form is taken, and a name is
doubted only where no new Region would have it and one that exists is near.
"""

from __future__ import annotations

import difflib

from bulkprof.limits import Fault

REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
    "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",
    "ap-southeast-7", "af-south-1", "il-central-1", "me-central-1", "me-south-1", "cn-north-1", "cn-northwest-1",
    "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "us-isob-west-1",
    "eu-isoe-west-1", "us-isof-east-1", "us-isof-south-1", "eusc-de-east-1",
)  # fmt: skip
"""The Regions that are known here. It does no harm when newer ones are missing."""
_COMPASS = (
    "north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest",
)  # fmt: skip
_AREAS = tuple(dict.fromkeys(region.rsplit("-", 2)[0] for region in REGIONS))


def region_doubt(region: str) -> Fault | None:
    """Why `region`, which has a Region's form, is likely misspelt; None where it is known, or may be a new one."""
    if region in REGIONS or region.count("-") < 2:
        return None
    area, direction, number = region.rsplit("-", 2)
    if area in _AREAS and direction in _COMPASS:
        return None
    meant = [f"{one}-{way}" for way in _likely_directions(direction) for one in _likely_areas(area)]
    near = [known for place in meant for known in REGIONS if known.rpartition("-")[0] == place]
    if not near or f"{area}-{direction}" in meant:
        return None
    place = near[0].rpartition("-")[0]
    likely = f"{place}-{number}" if f"{place}-{number}" in near else near[0]
    return Fault("is no Region that is known here", f"did you mean {likely}? A new one is taken as it is")


def _likely_areas(area: str) -> list[str]:
    """What `area` may be meant to be: itself where it is known, else those with two letters swapped, or near it."""
    if area in _AREAS:
        return [area]
    swapped = [known for known in _AREAS if sorted(known) == sorted(area)]
    # Of two letters, another one makes another country of it.
    return swapped or (difflib.get_close_matches(area, _AREAS, n=1, cutoff=0.8) if len(area) > 2 else [])


def _likely_directions(direction: str) -> list[str]:
    """The directions that `direction` may be meant to be, the likeliest first: slips seldom hit the first letter."""
    near = difflib.get_close_matches(direction, _COMPASS, n=len(_COMPASS), cutoff=0.75)
    return sorted(near, key=lambda way: (way != direction, sorted(way) != sorted(direction), way[0] != direction[0]))
