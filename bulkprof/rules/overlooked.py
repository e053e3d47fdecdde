"""Columns that no rule reads and that hold what a row doesn't say: an account in a column called `Konto`.

What a column is called can't always be told from its name; what it holds can. A row without an account, a Region or a
model gets the default one, and that is the wrong one where another column of the row has it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from bulkprof.limits import ACCOUNT, Fault
from bulkprof.looks import folded
from bulkprof.model import Problem, Request
from bulkprof.rules.answers import cell_problem
from bulkprof.rules.regions import REGIONS

_OF_ACCOUNTS = re.compile("acc|acct|aws|kont|compt|cuent|cont[aoe]|target|dest|tenant|аккаунт|账|帳|アカウント|계정")
"""Parts of what such columns are called: twelve digits alone may be the number of an order."""
_REGIONS = frozenset(REGIONS)
_MODEL = re.compile(
    r"arn:aws[a-z-]*:bedrock:\S*:(?:foundation-model|inference-profile)/\S+"
    r"|(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|openai|qwen|stability|twelvelabs|writer)\.[\w.:-]*\d\S*"
)
_BETWEEN = re.compile(r"[\s|,;]+")


def overlooked(
    request: Request, read_by_rules: Collection[str], defaults: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """What such columns say: a problem for each that holds a value other than the defaults, which the row would get."""
    given = {"account": request.accounts, "region": request.regions, "model": request.models}
    missing = [column for column in given if not given[column]]
    for column, value in request.attributes.items():
        if column in read_by_rules:
            continue
        for known in missing:
            if value not in defaults[known] and _holds(known, column, value):
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
