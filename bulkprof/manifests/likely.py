"""Which known column a column is likely meant to be that isn't called like one.

There are two ways to tell. People put plain words around what they mean: `AWS Account ID`, `target region`, `Model
(ARN)`. Those words are taken off, blanks and signs with them, and what is left is looked up. And people slip: what is
left is also compared letter by letter. Other words beside a known one make an attribute of its own (`account manager`).
"""

from __future__ import annotations

import codecs
import operator
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from bulkprof.text.looks import TAG_PREFIX, folded, seen, skeleton

_CALLED = {
    "account": "account", "accounts": "account", "acct": "account", "accts": "account", "accnt": "account",
    "acc": "account", "subaccount": "account", "subaccounts": "account",
    "region": "region", "regions": "region",
    "model": "model", "models": "model", "llm": "model", "llms": "model", "copyfrom": "model",
    "description": "description", "descriptions": "description", "desc": "description", "descr": "description",
    "disown": "disown", "disowned": "disown",
}  # fmt: skip
"""What people call the known columns; `name` has ways of its own."""
_WORDS_AROUND = (
    "aws amazon bedrock cloud the this your our my its of for where which touse todeploy use used list"
    " id ids identifier identifiers number numbers num nr no code codes name names alias aliases label labels"
    " arn arns key keys value values column columns field fields optional required mandatory default preferred"
    " selected main primary home target targets destination destinations dest dst deploy deployment deployed"
    " provision provisioning provisioned hosting runtime inference invocation usage workload linked member child"
    " foundation base system source ai genai llm profile profiles claude anthropic nova"
    " create created choose chosen select enter pick please requested wanted desired needed"
    " digit digits comma separated"
)
_AROUND = sorted(_WORDS_AROUND.split(), key=len, reverse=True)
"""Words around a known one that leave its meaning, long ones first."""
# Known columns end in `on`: what stands behind them must not take that off.
_BEFORE = (*_AROUND, "in", "to", "at", "on")
_JOINED = re.compile(f"({'|'.join(_CALLED)})(?:and|or|in)?(?:{'|'.join(_CALLED)})")
"""Two in one: `Account / Region`."""
_MARKS = tuple(codecs.BOM_UTF8.decode(wrong) for wrong in ("cp1252", "mac-roman", "cp1251", "cp437", "cp850"))
"""A byte order mark that something took for letters: `ï»¿`."""
_LABEL = re.compile(r"(?:names?|alias(?:es)?|labels?)$")
_COUNTS = re.compile(r"(?:number|num|nr|no|count)of")
_NAME = re.compile("(?:the|optional|required|mandatory)*names?(?:optional|required|mandatory)*")
_PROFILE = "(?:the|this|your|our|my|aws|amazon|bedrock|application|app|inference|target|s|optional|required)*profiles?"
_PROFILE_NAME = re.compile(
    f"{_PROFILE}s?(?:names?|title|label)(?:optional|required)*"
    f"|(?:the)?(?:names?|title)(?:of|for){_PROFILE}"
    "|(?:application|bedrock|aws)*inferenceprofiles?"
)
_TAG_LIST = re.compile("(?:aws|bedrock|resource|profile|inference|cost|custom|all|list|of|the)*tags?(?:list|json|s)?")
_WORDS = frozenset(
    {"mode", "modes", "modal", "modem", "motel", "yodel", "amount", "legion", "religion"}
    | {"named", "game", "same", "fame", "tame", "dame", "lame", "came", "nave", "nape"}
    | {"prescription", "inscription", "ascription", "decryption"}
)
"""Words of their own that are a slip away from a known column."""
_KNOWN = ("model", "description", "account", "region", "disown")
_REMARK = re.compile(r"\([^)]*\)|\[[^]]*\]")
_SEPARATORS = re.compile(r"[^\w]|_")


@lru_cache(1024)
def likely_column(name: str) -> str:
    """The known column that `name` is likely meant to be, or nothing where it stands for itself.

    For a tag that is `tag:KEY`, or the bare prefix where it names no key.
    """
    if marked := next(filter(name.startswith, _MARKS), ""):
        bare = name.removeprefix(marked)
        return plain if (plain := folded(bare)) in ("name", *_KNOWN) else likely_column(bare)
    if tag := _likely_tag(name):
        return tag
    if unlike := _of_unlike_letters(name):
        return unlike
    return next((found for plain in _spellings(name) if (found := _meant(plain))), "")


def _of_unlike_letters(name: str) -> str:
    """The known column that `name` is but for signs that aren't on any list, if those are no more than half of it."""
    text = skeleton(name)
    if name.isascii():
        return ""
    # In capitals or not, i and l are one stroke.
    shape = [char for char in text.replace("i", "l") if char.isalpha() or not char.isascii()]
    plain = sum(map(str.isascii, shape))
    for column in ("name", *_KNOWN):
        same = sum(map(operator.eq, shape, column.replace("i", "l")))
        if len(shape) == len(column) and same == plain and 2 * plain >= len(column):
            return column
    return ""


def is_label(name: str) -> bool:
    """Whether `name`, where it means a known column, says that it holds names for it: `Account name`, `model alias`."""
    plain = _letters(folded(name))
    return _LABEL.search(plain) is not None and "profile" not in plain


def _spellings(name: str) -> Iterator[str]:
    """The letters of `name`: as they are, without a remark in brackets, and as they look."""
    yield _letters(folded(name))
    yield _letters(_REMARK.sub("", folded(name)))
    alike = _letters(skeleton(name))
    yield alike
    # Two letters side by side that look like one.
    for pair, letter in (("rn", "m"), ("cl", "d"), ("ii", "u")):
        merged = alike.replace(pair, letter)
        if merged != alike and (merged in _CALLED or merged == "name"):
            yield merged


def _letters(text: str) -> str:
    plain = (char for char in unicodedata.normalize("NFD", text) if char.isalpha())
    return "".join(plain)


def _meant(plain: str) -> str:
    """The known column that these letters mean."""
    if _COUNTS.match(plain):
        return ""
    if _NAME.fullmatch(plain) or _PROFILE_NAME.fullmatch(plain) or _is_near_name(plain):
        return "name"
    if plain in _WORDS:
        return ""
    bare = _without_beginning(plain)
    for core in (plain, bare, _without_end(plain), _without_end(bare)):
        if core in _WORDS:
            return ""
        if core in _CALLED:
            return _CALLED[core]
        if joined := _JOINED.fullmatch(core):
            return _CALLED[joined[1]]
        for column in _KNOWN:
            if distance(core, column) <= (2 if len(column) > 8 else 1):
                return column
    return ""


def _without_beginning(plain: str) -> str:
    while word := next(filter(plain.startswith, _BEFORE), ""):
        plain = plain[len(word) :]
    return plain


def _without_end(plain: str) -> str:
    while word := next(filter(plain.endswith, _AROUND), ""):
        plain = plain[: -len(word)]
    return plain


def _is_near_name(plain: str) -> bool:
    """Whether it is a slip of `name`. A letter before it makes another word of it: `fname`, `lname`."""
    if plain in _WORDS or (plain[1:] == "name" and plain[0] != "n"):
        return False
    return distance(plain, "name") <= 1


def _likely_tag(name: str) -> str:
    """The tag column that `name` is likely meant to be; the bare prefix where it names no key."""
    shown = "".join(":" if skeleton(char) == ":" else char for char in seen(unicodedata.normalize("NFKC", name)))
    if any(_TAG_LIST.fullmatch(_letters(spelt)) for spelt in (folded(name), skeleton(name))):
        return TAG_PREFIX
    for found in _SEPARATORS.finditer(shown):
        head, key = skeleton(shown[: found.start()]), shown[found.end() :]
        rest = key.strip(" :_.=/-–—()[]")  # noqa: RUF001 - dashes are what is meant
        # A slip counts before a colon only: `tax rate` is no tag.
        if (head in {"tag", "tags"} and rest) or (
            ":" in (found[0], key.lstrip()[:1]) and head and distance(head, "tag") <= 1
        ):
            return TAG_PREFIX + rest
    return ""


def distance(left: str, right: str) -> int:
    """How many slips make `left` of `right`: a letter more, less, other, or two letters swapped."""
    if abs(len(left) - len(right)) > 2:
        return 3
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        now = [i]
        for j, b in enumerate(right, 1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
