"""What can stand in an answer's place: bodies, headers and statuses that AWS would never send, drawn by chance.

Some of them could be AWS's as far as anybody can tell (a list without one of its entries): those are *lies*. Of a run
that was lied to, only that it accounts for itself can be asked.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bulkprof.aws.transport.http import Response

PORTAL = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
    b'"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<html xmlns="http://www.w3.org/1999/xhtml">'
    b"<head><title>Sign in</title></head><body><p>Welcome to the guest network</p></body></html>"
)
DEEP = 100_000
READ = frozenset(
    {"inferenceProfileArn", "inferenceProfileName", "inferenceProfileSummaries", "inferenceProfileId", "modelSummaries",
     "modelId", "modelArn", "tags", "key", "value", "ResourceTagMappingList", "ResourceARN", "Tags", "Key", "Value",
     "Quota", "Accounts", "Id", "OrganizationalUnits", "nextToken", "PaginationToken", "NextToken", "models"}
)  # fmt: skip
"""Members that bulkprof reads: another type in one of them breaks an answer."""
WITHOUT_A_BODY = frozenset({"DeleteInferenceProfile", "TagResource", "UntagResource"})
"""Operations that AWS may well answer with nothing."""
TOKENS = {
    "ListInferenceProfiles": "nextToken",
    "GetResources": "PaginationToken",
    "ListAccounts": "NextToken",
    "ListAccountsForParent": "NextToken",
    "ListOrganizationalUnitsForParent": "NextToken",
}
STATUSES = (
    200,
    201,
    202,
    204,
    206,
    300,
    301,
    302,
    400,
    401,
    403,
    404,
    405,
    409,
    413,
    418,
    429,
    429,
    500,
    502,
    599,
    999,
)
RETRY_AFTER = (
    "86400", "1e20", "-5", "NaN", "inf", "soon", "", "Wed, 21 Oct 100000000000000000000 07:28:00 GMT",
    "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 21 Oct 2015 07:28:00 -0000", "\u00ff",
)  # fmt: skip


@dataclass
class Spoiler:
    """Spoils answers of one kind, the same way each time it is asked."""

    random: random.Random
    kind: str
    swallows: bool
    """Whether the call never reaches AWS."""
    lies: bool = False
    """Whether what it makes could be an answer of AWS's."""
    pages: int = field(default=0, init=False)

    def __call__(self, operation: str, answer: Response) -> Response:
        """Return what is received instead; raises what an HTTP client would."""
        made = _KINDS[self.kind](self, operation, answer)
        if made.status < 300 and not made.content and operation in WITHOUT_A_BODY:
            self.lies = True
        return Response(made.status, {"date": answer.headers.get("date", ""), **made.headers}, made.content)

    def a_status(self) -> int:
        found = self.random.choice(STATUSES)
        # A server that says "too many" has done nothing.
        return found if self.swallows or found != 429 else 503


def draw(source: random.Random) -> Spoiler:
    """A spoiler by chance."""
    kind = source.choice(list(_KINDS))
    return Spoiler(random.Random(source.random()), kind, swallows=kind == "slow down" or source.random() < 0.3)


def _body(content: bytes) -> Callable[[Spoiler, str, Response], Response]:
    def spoil(self: Spoiler, operation: str, answer: Response) -> Response:
        return Response(answer.status, answer.headers, content)

    return spoil


def _portal(self: Spoiler, operation: str, answer: Response) -> Response:
    return Response(self.a_status(), {"content-type": "text/html"}, PORTAL)


def _status(self: Spoiler, operation: str, answer: Response) -> Response:
    return Response(self.a_status(), {}, b"")


def _cut(self: Spoiler, operation: str, answer: Response) -> Response:
    whole = answer.content.rstrip()
    return Response(answer.status, answer.headers, whole[: self.random.randrange(len(whole))] if whole else b"{")


def _noise(self: Spoiler, operation: str, answer: Response) -> Response:
    return Response(answer.status, answer.headers, b"\xff\xfe" + self.random.randbytes(self.random.randrange(1, 300)))


def _flipped(self: Spoiler, operation: str, answer: Response) -> Response:
    self.lies = True
    content = bytearray(answer.content or b"{}")
    for _ in range(self.random.randrange(1, 6)):
        content[self.random.randrange(len(content))] = self.random.randrange(256)
    return Response(answer.status, answer.headers, bytes(content))


def _zipped(self: Spoiler, operation: str, answer: Response) -> Response:
    headers = {**answer.headers, "content-encoding": "gzip"}
    return Response(answer.status, headers, gzip.compress(answer.content or b"{}"))


def _wide(self: Spoiler, operation: str, answer: Response) -> Response:
    return Response(answer.status, answer.headers, answer.content.decode().encode("utf-16") or b"\xff\xfe")


def _error_as_success(self: Spoiler, operation: str, answer: Response) -> Response:
    name = self.random.choice(("ThrottlingException", "AccessDeniedException", "Oops"))
    return Response(200, answer.headers, json.dumps({"__type": name, "message": "no"}).encode())


def _odd_error(self: Spoiler, operation: str, answer: Response) -> Response:
    odd = (None, 5, 1.5, True, [], {}, "", "\ud800", "\x1b[2J\0\u2028", "-" * 100_000, ["a"], {"a": "\udfff"})
    body: dict[str, Any] = {
        name: self.random.choice(odd) for name in ("message", "Message", "__type", "code") if self.random.random() < 0.7
    }
    # One that AWS names has done nothing.
    names = ("a#b:c", "Oops") if self.swallows else ("#", ":", "\u00ff", "1")
    headers = {"x-amzn-errortype": self.random.choice(("", *names))}
    content = json.dumps(body).encode() if self.random.random() < 0.8 else b'{"message":"\xed\xa0\x80"}'
    return Response(self.random.choice((400, 403, 405, 409, 500)), headers, content)


def _slow_down(self: Spoiler, operation: str, answer: Response) -> Response:
    headers = {"retry-after": self.random.choice(RETRY_AFTER), "x-amzn-errortype": "ThrottlingException"}
    body = b'{"message":"Too many requests"}' if self.random.random() < 0.7 else PORTAL
    return Response(self.random.choice((400, 429, 429, 503)), headers, body)


def _broken_off(self: Spoiler, operation: str, answer: Response) -> Response:
    raise self.random.choice(
        (aiohttp.ClientPayloadError("cut"), aiohttp.ServerDisconnectedError(), TimeoutError(), ConnectionResetError(),
         aiohttp.http_exceptions.TransferEncodingError("chunk"))
    )  # fmt: skip


def _other_type(self: Spoiler, operation: str, answer: Response) -> Response:
    """Something else in one or more of the members."""
    tree = _tree(answer)
    places = [(holder, key) for holder, key in _places(tree) if key in READ]
    if not places:
        return _body(b"[[]]")(self, operation, answer)
    for holder, key in self.random.sample(places, self.random.randrange(1, min(4, len(places)) + 1)):
        holder[key] = self.random.choice([each for each in _ODD if not _same_kind(each, holder[key])])
    return Response(answer.status, answer.headers, json.dumps(tree).encode())


def _other_entry(self: Spoiler, operation: str, answer: Response) -> Response:
    """Entries of lists that are none."""
    tree = _tree(answer)
    lists = [holder[key] for holder, key in _places(tree) if key in READ and isinstance(holder[key], list)]
    if not lists:
        return _body(b'""')(self, operation, answer)
    for each in self.random.sample(lists, self.random.randrange(1, len(lists) + 1)):
        each.insert(self.random.randrange(len(each) + 1), self.random.choice((None, 5, "x", [], [None], True)))
    return Response(answer.status, answer.headers, json.dumps(tree).encode())


def _lie(self: Spoiler, operation: str, answer: Response) -> Response:
    """Members that are gone, changed, empty or there twice."""
    self.lies = True
    tree = _tree(answer)
    places = list(_places(tree))
    for _ in range(self.random.randrange(1, 4)):
        if not places:
            break
        holder, key = self.random.choice(places)
        if key not in holder:
            continue
        match self.random.randrange(5):
            case 0:
                del holder[key]
            case 1:
                holder[key] = None
            case 2:
                holder[key] = self.random.choice(_TEXTS)
            case 3 if isinstance(holder[key], list):
                holder[key] = holder[key][1:] * 2
            case _:
                holder[key] = copy.deepcopy(self.random.choice(_ODD))
    return Response(answer.status, answer.headers, json.dumps(tree).encode())


def _twice(self: Spoiler, operation: str, answer: Response) -> Response:
    """Keys that are there twice; the last of them holds, and is wrong."""
    body = answer.content.rstrip() or b"{}"
    if not body.endswith(b"}"):
        return _portal(self, operation, answer)
    keys = [key for key in _tree(answer) if key in READ] or ["__type"]
    again = b",".join(b'"%b":5' % key.encode() for key in keys)
    return Response(answer.status, answer.headers, body[:-1] + (b"," if len(body) > 2 else b"") + again + b"}")


def _no_end(self: Spoiler, operation: str, answer: Response) -> Response:
    """A page token that comes again, or a new one each time."""
    token = TOKENS.get(operation)
    if token is None or answer.status >= 300:
        return _portal(self, operation, answer)
    self.pages += 1
    again = self.kind == "the same page for ever"
    tree = {**_tree(answer), token: "again" if again else f"page-{self.pages}"}
    return Response(answer.status, answer.headers, json.dumps(tree).encode())


def _bad_arn(self: Spoiler, operation: str, answer: Response) -> Response:
    tree = _tree(answer)
    if "inferenceProfileArn" not in tree:
        return _portal(self, operation, answer)
    arn = str(tree["inferenceProfileArn"])
    tree["inferenceProfileArn"] = self.random.choice(
        ("", " ", "arn", arn.replace(":", ";"), arn[:-12], arn + "\n", arn.replace("application-", ""), 7, None, [arn],
         arn.replace("bedrock", "s3"), "arn:aws:bedrock:xx-east-9:999999999999:application-inference-profile/abc")
    )  # fmt: skip
    return Response(answer.status, answer.headers, json.dumps(tree).encode())


def _tree(answer: Response) -> dict[str, Any]:
    try:
        tree = json.loads(answer.content or b"{}")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, dict):
        for key, part in tree.items():
            yield tree, key
            yield from _places(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _places(part)


def _same_kind(one: object, other: object) -> bool:
    # Null is what AWS may send for a member that isn't there.
    return one is None or type(one) is type(other)


_TEXTS = ("", "x", "\ud83d\ude00", "\0", "x" * 5_000, "arn:aws:abcdefgh", "\ud800", "arn:::::x")
_ODD: tuple[Any, ...] = (None, 5, -1, 1e308, True, "x", "\ud800", [], [None], {}, {"a": 1}, [[[[]]]])
_KINDS: dict[str, Callable[[Spoiler, str, Response], Response]] = {
    "a captive portal": _portal,
    "a status alone": _status,
    "an empty body": _body(b""),
    "null": _body(b"null"),
    "a list": _body(b"[]"),
    "a number": _body(b"1" + b"0" * 5_000),
    "half characters": _body(b'{"inferenceProfileArn":"\\ud800","tags":"\\udfff","message":"\\ud800"}'),
    "a deep list": _body(b'{"tags":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "a deep object": _body(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "text that isn't UTF-8": _body(b'{"inferenceProfileArn":"\xff"}'),
    "cut": _cut,
    "noise": _noise,
    "flipped bytes": _flipped,
    "compressed": _zipped,
    "UTF-16": _wide,
    "an error as a success": _error_as_success,
    "an odd error": _odd_error,
    "slow down": _slow_down,
    "broken off": _broken_off,
    "other types": _other_type,
    "other entries": _other_entry,
    "a bad ARN": _bad_arn,
    "a lie": _lie,
    "keys twice": _twice,
    "the same page for ever": _no_end,
    "pages without end": _no_end,
}
