"""Turns a cell into a value that AWS takes as a tag's."""

from __future__ import annotations

from bulkprof.plugins import TAG_VALUES, clean, tag_value_fault


def fit(value: str) -> str:
    """Return `value` cleaned; as it is where nothing would be left of it, for the rules to refuse."""
    return clean(value, TAG_VALUES) or value


def refusal(value: str) -> str:
    """Return why AWS would refuse `value`, and what to do; empty where it wouldn't."""
    fault = tag_value_fault(value)
    if fault is None:
        return ""
    cleaned = clean(value, TAG_VALUES)
    hint = f"; set `clean = true` in [plugins.tags] to get {cleaned!r}" if cleaned else ""
    return f"{fault.reason}; {fault.remedy}{hint}"
