"""Cells that hold more than strings, flattened to strings: JSON's numbers, lists and objects, and plugin readers'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bulkprof.limits import Fault, cleanable, damage_fault, tag_key_fault, tag_value_fault
from bulkprof.manifests.columns import Columns


class BadCell(NamedTuple):
    """What is wrong with one cell."""

    column: str
    value: str
    fault: Fault
    held: bool = False
    """Whether a request can hold the value, wrong as it is."""


@dataclass(frozen=True, slots=True)
class BadValue:
    """A cell's value that its reader knows can't be used."""

    text: str
    """As people see it."""
    fault: Fault


def flatten(
    columns: Columns, cells: Sequence[Any], bad: list[BadCell]
) -> tuple[list[str], Mapping[int, Sequence[str]], Mapping[str, str]]:
    """Return a row's cells as strings; lists and the tag object, which can't be one, beside them.

    What is wrong with them is added to `bad`.
    """
    several = {columns.model, columns.account, columns.region}
    values: list[str] = []
    lists: dict[int, Sequence[str]] = {}
    tags: Mapping[str, str] = {}
    for index, cell in enumerate(cells):
        text = "" if index in columns.ignored else _scalar_text(cell)
        values.append((text or "").strip())
        if text is not None:
            continue
        name = columns.called(index)
        if isinstance(cell, BadValue):
            bad.append(BadCell(name, cell.text, cell.fault))
        elif index in several and isinstance(cell, list | tuple):
            lists[index] = _list_texts(name, cell, bad)
        elif index == columns.tag_object and isinstance(cell, list | tuple | Mapping):
            tags = _tag_texts(cell, bad)
        else:
            bad.append(BadCell(name, shortened(cell), _not_text(cell, several=index in several)))
    return values, lists, tags


def _scalar_text(cell: object) -> str | None:
    """A scalar as text: null is empty, booleans and numbers as JSON writes them; None for anything else."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    # NaN and the infinities are numbers to Python alone.
    if isinstance(cell, int) or (isinstance(cell, float) and abs(cell) < float("inf")):
        return str(cell)
    return None


def shortened(cell: object) -> str:
    """Return a cell that isn't text, as short as a message needs it."""
    text = repr(cell)
    return text if len(text) <= 60 else text[:57] + "..."


def _not_text(cell: object, *, several: bool) -> Fault:
    if isinstance(cell, Mapping):
        return Fault("an object can't be used here", "write a string, or one column for each of its values")
    if isinstance(cell, list | tuple):
        return Fault("a list can't be used here", "only model, account, region and tags take several values")
    return Fault("is not a value that a manifest can hold", "write a string" + " or a list of strings" * several)


def _list_texts(column: str, cell: Sequence[object], bad: list[BadCell]) -> Sequence[str]:
    texts: list[str] = []
    for item in cell:
        text = _scalar_text(item)
        if text is None:
            bad.append(BadCell(column, shortened(item), Fault("a list may hold strings only", 'write ["one", "two"]')))
        else:
            texts.append(text)
    return texts


def _tag_texts(cell: Sequence[object] | Mapping[object, object], bad: list[BadCell]) -> Mapping[str, str]:
    """Tags from an object, or from AWS's list of `{"Key": …, "Value": …}`, in either case."""
    pairs: list[tuple[object, object]] = []
    if isinstance(cell, Mapping):
        pairs.extend(cell.items())
    else:
        for item in cell:
            entry = {str(key).lower(): value for key, value in item.items()} if isinstance(item, Mapping) else {}
            if set(entry) != {"key", "value"}:
                remedy = 'write {"Team": "a"} or [{"Key": "Team", "Value": "a"}]'
                bad.append(BadCell("tags", shortened(item), Fault("is not a tag", remedy)))
                continue
            pairs.append((entry["key"], entry["value"]))
    tags: dict[str, str] = {}
    for key, value in pairs:
        text = _scalar_text(value)
        label = str(key).strip()
        if text is None:
            bad.append(BadCell(f"tag:{label}", shortened(value), Fault("a tag's value must be text", "write a string")))
        elif label in tags:
            bad.append(BadCell(f"tag:{label}", text, Fault("the tag stands in the row twice", "keep one")))
        else:
            tags[label] = text.strip()
            if fault := tag_key_fault(label) or damage_fault(tags[label]):
                bad.append(BadCell(f"tag:{label}", tags[label], fault, held=True))
            elif fault := tag_value_fault(tags[label]):
                bad.append(BadCell(f"tag:{label}", tags[label], cleanable(tags[label], fault), held=True))
    return {key: value for key, value in tags.items() if value}
