"""What a profile is made from, for people: as short as can be while the old and the new are told apart. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def told_apart(there: Collection[str], wanted: Collection[str]) -> tuple[str, str]:
    """Return what is there and what is wanted: a model and a system profile may have one name, and Regions differ."""
    for words in (_short, _placed):
        if (before := words(there)) != (after := words(wanted)):
            return before, after
    return ", ".join(sorted(there)), ", ".join(sorted(wanted))


def like(before: str, wanted: Collection[str]) -> str:
    """Return what is wanted in the form that `told_apart` gave to what was there."""
    if before.startswith("arn:"):
        return ", ".join(sorted(wanted))
    return _placed(wanted) if before.endswith(")") else _short(wanted)


def _placed(arns: Iterable[str]) -> str:
    """Names with their kinds and Regions: `X (foundation-model in eu-west-1, us-east-1)`."""
    regions: dict[tuple[str, str], set[str]] = {}
    for arn in arns:
        # A model's name may hold colons, too.
        *places, resource = arn.split(":", 5)
        kind, _, name = resource.partition("/")
        regions.setdefault((name, kind), set()).add(places[3] if len(places) > 3 else "")
    return ", ".join(
        f"{name} ({kind} in {', '.join(sorted(found)) or '?'})" for (name, kind), found in sorted(regions.items())
    )


def _short(arns: Iterable[str]) -> str:
    return ", ".join(sorted({arn.rsplit("/", 1)[-1] for arn in arns}))
