"""The least policy for callers: they may call these profiles, and the models behind them through these profiles alone.

Pure. A call of a profile is authorised on the profile and on the foundation model in every Region that it may be
routed to. The models are bound to the profiles by a condition: a statement for all profiles that reach the same models,
so that no model is allowed through a profile that isn't made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bulkprof.aws.policies.grammar import THROUGH, Document, document, size, statement
from bulkprof.catalog.entries import CatalogEntry

LIMIT: Final = 6144
"""The characters of a managed policy, at most."""


class Policies(NamedTuple):
    """The policies of each group of callers, who need all of theirs."""

    documents: Mapping[str, Sequence[Document]]
    left_out: Sequence[str]
    """Profiles that are in none of them, a line for each."""


def policies_of(groups: Mapping[str, Sequence[CatalogEntry]], limit: int = LIMIT) -> Policies:
    """Return for each group as few policies as hold its profiles, each of at most `limit` characters."""
    documents: dict[str, list[Document]] = {}
    left_out: list[str] = []
    for name, entries in groups.items():
        if made := list(_divided(entries, limit, left_out)):
            documents[name] = made
    return Policies(documents, left_out)


def by_value(entries: Iterable[CatalogEntry], field: str) -> tuple[Mapping[str, list[CatalogEntry]], list[str]]:
    """Return the entries of each value of a field, and a line for each entry that has none."""
    found: dict[str, list[CatalogEntry]] = {}
    left_out = []
    for entry in entries:
        if value := entry.get(field):
            found.setdefault(value, []).append(entry)
        else:
            left_out.append(f"{entry.place} {entry.name}: has no {field}, so no policy is its own")
    return found, left_out


def _divided(entries: Iterable[CatalogEntry], limit: int, left_out: list[str]) -> Iterator[Document]:
    inside: list[CatalogEntry] = []
    # Profiles of the same models stand together, since a policy needs the statement of their models once.
    for entry in sorted(entries, key=lambda each: (_models(each), each.name, each.arn)):
        if not entry.model_arns:
            left_out.append(
                f"{entry.place} {entry.name}: the models that it reaches aren't known; a new run finds them out, or "
                "--live"
            )
        elif size(_policy([entry])) > limit:
            models = len(entry.model_arns)
            left_out.append(f"{entry.place} {entry.name}: its {models} models need more than {limit} characters")
        elif not inside or size(_policy([*inside, entry])) <= limit:
            inside.append(entry)
        else:
            yield _policy(inside)
            inside = [entry]
    if inside:
        yield _policy(inside)


def _policy(entries: Sequence[CatalogEntry]) -> Document:
    through: dict[tuple[str, ...], list[CatalogEntry]] = {}
    for entry in entries:
        through.setdefault(_models(entry), []).append(entry)
    statements = [statement("Allow", "InvokeProfiles", sorted(entry.arn for entry in entries), {})]
    for number, (models, profiles) in enumerate(sorted(through.items()), start=1):
        # Whether AWS asks for the system profile that a profile was copied from, too, isn't documented. Through the
        # profile alone, to allow it grants nothing else.
        copied = {entry.source_arn for entry in profiles if ":inference-profile/" in entry.source_arn}
        condition = {"StringEquals": {THROUGH: sorted(entry.arn for entry in profiles)}}
        statements.append(statement("Allow", f"ModelsThroughProfiles{number}", [*models, *sorted(copied)], condition))
    return document(statements)


def _models(entry: CatalogEntry) -> tuple[str, ...]:
    return tuple(sorted(entry.model_arns))
