"""Columns that no rule reads and that hold what a row doesn't say: an account in a column called `Konto`.

What a column is called can't always be told from its name; what it holds can. A row without an account, a Region or a
model gets the default one, and that is the wrong one where another column of the row has it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from bulkprof.config import Defaults
from bulkprof.limits import ACCOUNT, Fault
from bulkprof.model import Problem, Request
from bulkprof.rules.answers import cell_problem
from bulkprof.rules.regions import REGIONS
from bulkprof.text.looks import folded

_OF_ACCOUNTS = re.compile("acc|acct|aws|kont|compt|cuent|cont[aoe]|target|dest|tenant|аккаунт|账|帳|アカウント|계정")
"""Parts of what such columns are called: twelve digits alone may be the number of an order."""
_REGIONS = frozenset(REGIONS)
_PROVIDERS = "(?:ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|openai|qwen|stability|twelvelabs|writer)"
"""Of models; a value of others is told as an unread column only."""
_MODEL = re.compile(
    r"arn:aws[a-z-]*:bedrock:\S*:(?:foundation-model|inference-profile)/\S+"
    rf"|(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?{_PROVIDERS}\.[\w.:-]*\d\S*"
)
_MAYBE = re.compile(rf"[0-9]{{12}}|[a-z]{{2,4}}-[a-z]+-|arn:aws|(?:[a-z-]{{2,6}}\.)?{_PROVIDERS}\.").match
"""How all such values begin: one look at each value sorts nearly all rows out."""
_REMEMBERED = 16_384
_BETWEEN = re.compile(r"[\s|,;]+")


class Overlooked:
    """Looks for such columns."""

    def __init__(self, read_by_rules: Collection[str] | None, defaults: Defaults) -> None:
        """`read_by_rules` is None where nobody knows which columns rules read; then none is unread."""
        self._read = read_by_rules
        self._defaults = {"account": defaults.account, "region": defaults.region, "model": defaults.model}
        self._harmless: set[str] = set()
        """Values that are none of these, since columns repeat theirs."""

    def problems(self, request: Request) -> Iterable[Problem]:
        """What is wrong with the row: a problem for each such column, unless it holds the default anyway."""
        values = request.attributes.values()
        if self._read is None or self._harmless.issuperset(values):
            return ()
        if any(map(_MAYBE, values)):
            return self._found(request, self._read)
        if len(self._harmless) > _REMEMBERED:
            self._harmless.clear()
        self._harmless.update(values)
        return ()

    def _found(self, request: Request, read: Collection[str]) -> Iterator[Problem]:
        given = {"account": request.accounts, "region": request.regions, "model": request.models}
        missing = [column for column in given if not given[column]]
        for column, value in request.attributes.items():
            if column in read:
                continue
            for known in missing:
                if value not in self._defaults[known] and _holds(known, column, value):
                    reason = f"looks like the row's {known}, which the column {known} doesn't say"
                    remedy = f"call this column {known}; if it means something else, fill {known}, or remove this one"
                    yield cell_problem(request, column, value, Fault(reason, remedy))


def _holds(known: str, column: str, value: str) -> bool:
    parts = _BETWEEN.split(value)
    if known == "region":
        return _REGIONS.issuperset(parts)
    if known == "model":
        return all(map(_MODEL.fullmatch, parts))
    return all(map(ACCOUNT.fullmatch, parts)) and _OF_ACCOUNTS.search(folded(column)) is not None
