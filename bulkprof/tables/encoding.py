"""From a manifest's bytes to text: UTF-8 with or without a byte order mark, and what to say about anything else.

Text is handed out in blocks that end at a line's end, so that a file is never whole in memory and a bad byte can
be told by its line. A block with bad bytes is still handed out, with U+FFFD in their place: its other lines are good.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bulkprof.model import Problem

BLOCK = 1 << 16
LONGEST_LINE = 1 << 22
"""Characters of one line; beyond it, a file is something else than a manifest."""

_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""How zip archives begin, newer workbooks among them, and older workbooks."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Block(NamedTuple):
    """Whole lines of a file, each with its line end, and what is wrong with some of them."""

    lines: list[str]
    first: int
    """The number of the first of `lines`."""
    bad: dict[int, Problem]
    """By line number; nearly always empty."""
    complete: bool = True
    """False when the file goes on but can't be read any further."""


class Span(NamedTuple):
    """Lines of a file that follow each other."""

    start: int
    """The byte that they start at."""
    end: int | None
    """The byte before which they end; None for the file's end."""
    line: int
    """The number of the first of them."""


WHOLE = Span(0, None, 1)


def read_blocks(file: BinaryIO, label: str, span: Span = WHOLE) -> Iterator[Block]:
    """Yield the lines of `file` in `span`. A file in another encoding is one block without lines and one problem."""
    number = span.line
    rest = b""
    start = span.start == 0
    file.seek(span.start)
    while True:
        data = file.read(BLOCK if span.end is None else min(BLOCK, span.end - file.tell()))
        chunk, rest = _cut(rest + data) if data else (rest, b"")
        if start and (chunk or rest):
            hint = not_text(chunk or rest, label)
            if hint:
                yield Block([], 1, {1: hint}, complete=False)
                return
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
            start = not chunk
        if chunk:
            block = _decode(chunk, number, label)
            number += len(block.lines)
            yield block
        if not data:
            return
        if len(rest) > LONGEST_LINE:
            problem = Problem(
                f"the line is longer than {LONGEST_LINE:,} bytes",
                file=label,
                line=number,
                remedy="is this a manifest? Its rows end with line ends",
            )
            yield Block([], number, {number: problem}, complete=False)
            return


def read_text(file: BinaryIO, label: str) -> Iterator[str | Problem]:
    """Yield the text of `file` in pieces that may end anywhere; a byte that can't be read ends it with a problem."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, column = 1, 1
    start = True
    while True:
        data = file.read(BLOCK)
        if start:
            if hint := not_text(data, label):
                yield hint
                return
            data = data.removeprefix(codecs.BOM_UTF8)
            start = False
        try:
            piece = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            piece = error.object[: error.start].decode()
            yield piece
            line, column = _moved(line, column, piece)
            yield bad_byte_problem(label, line, column, error.object[error.start])
            return
        if piece:
            yield piece
            line, column = _moved(line, column, piece)
        if not data:
            return


def _moved(line: int, column: int, piece: str) -> tuple[int, int]:
    """The line, and the byte in it, after `piece`."""
    lines = piece.count("\n")
    last = len(piece[piece.rfind("\n") + 1 :].encode())
    return (line + lines, last + 1) if lines else (line, column + last)


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Split after the last line end; a lone CR counts where there is no LF, as old spreadsheets write it."""
    at = data.rfind(b"\n") + 1
    if not at:
        # The last byte may be the first half of a CR LF.
        at = data.rfind(b"\r", 0, len(data) - 1) + 1
    return data[:at], data[at:]


def _decode(chunk: bytes, number: int, label: str) -> Block:
    bad: dict[int, Problem] = {}
    try:
        text = chunk.decode()
    except UnicodeDecodeError:
        text = chunk.decode(errors="replace")
        bad.update(_bad_bytes(chunk, number, label))
    lines = split_lines(text)
    if "\0" in text:
        for offset, line in enumerate(lines):
            if "\0" in line:
                at = number + offset
                bad.setdefault(at, nul_problem(label, at, line.index("\0") + 1))
    return Block(lines, number, bad)


def split_lines(text: str) -> list[str]:
    """Lines with their ends: LF, CR LF or CR, and nothing else (`str.splitlines` knows too many)."""
    if "\r" in text:
        unified = text.replace("\r\n", "\n").replace("\r", "\n")
        return _split(unified)
    return _split(text)


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    lines = [line + "\n" for line in lines]
    if last:
        lines.append(last)
    return lines


def _bad_bytes(chunk: bytes, number: int, label: str) -> Iterator[tuple[int, Problem]]:
    unified = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for offset, line in enumerate(unified.split(b"\n")):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            yield number + offset, bad_byte_problem(label, number + offset, error.start + 1, line[error.start])


def bad_byte_problem(label: str, line: int, position: int, byte: int) -> Problem:
    """A byte that isn't UTF-8."""
    return Problem(
        f"byte {position} of the line (0x{byte:02X}) is not UTF-8",
        file=label,
        line=line,
        remedy="save the file as UTF-8 (in Excel: 'CSV UTF-8')",
        kind="not UTF-8",
    )


def nul_problem(label: str, line: int, position: int) -> Problem:
    """A NUL, which no text has."""
    return Problem(
        f"a NUL byte at position {position} of the line",
        file=label,
        line=line,
        remedy="remove it; a file full of them is not a text file",
    )


def not_text(head: bytes, label: str) -> Problem | None:
    """What isn't UTF-8 from its beginning on: a workbook, or UTF-16.

    UTF-16 and UTF-32 are known by their byte order mark, or by a NUL at every second byte of ASCII text.
    """
    if head.startswith(_ARCHIVES):
        return Problem(
            "the file is a workbook or another archive, not text",
            file=label,
            line=1,
            remedy="name a workbook by what it is: .xlsx, .xls or .ods; unpack others",
        )
    if not head.startswith(_UTF16) and not (head[1:4:2] == b"\0\0" or head[0:3:2] == b"\0\0"):
        return None
    return Problem(
        "the file is UTF-16, not UTF-8",
        file=label,
        line=1,
        remedy="save it as UTF-8 (in Excel: 'CSV UTF-8', not 'Unicode Text'), or: iconv -f UTF-16 -t UTF-8",
    )
