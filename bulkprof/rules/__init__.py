"""From requests to desired profiles: fan-out, aliases, the plugins' rules and AWS's limits."""

from bulkprof.rules.expand import Expansion, Rules
from bulkprof.rules.guess import Guess, SourceKind, guess, guess_partition
from bulkprof.rules.sources import SourceArn, parse_arn, place_fault

__all__ = [
    "Expansion",
    "Guess",
    "Rules",
    "SourceArn",
    "SourceKind",
    "guess",
    "guess_partition",
    "parse_arn",
    "place_fault",
]
