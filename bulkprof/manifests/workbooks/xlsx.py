"""The XML of `.xlsx` and `.xlsm` files, looked through for what python-calamine doesn't tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from xml.etree import ElementTree
from zipfile import ZipFile

from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.workbooks.archives import members, read_small, read_through, stream
from bulkprof.manifests.workbooks.contents import AGAIN, NOT_CALCULATED, Contents, WorkbookError, damaged
from bulkprof.manifests.workbooks.places import column_index

BOOK = "xl/workbook.xml"
_LINKS = "xl/_rels/workbook.xml.rels"
_SHARED = ("xl/sharedstrings.xml", "xl/styles.xml", BOOK, _LINKS)
_LONGEST_ROW = 1 << 24
_P = rb"(?:\w+:)?"
# No pattern goes past the next tag: on broken files, it would go to the end again and again.
_PLAIN = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,9})"[^<>]*(?<!/)>')
"""Cells that aren't empty, as nearly all programs write them: found many times faster than by `_USED`."""
_OTHER = re.compile(rb'<c(?! r="[A-Z]{1,3}[0-9]{1,9}"|ol)')
_USED = re.compile(rb"<" + _P + rb"c\s(?:[^<>]*?\s)?r=[\"']([A-Za-z]{1,3})([0-9]{1,9})[\"'][^<>]*(?<!/)>")
_ROW = re.compile(rb"<" + _P + rb"row(?:\s(?:[^<>]*?\s)?r=[\"']([0-9]{1,9})[\"']|[\s>])")
_PLACELESS = re.compile(rb"<" + _P + rb"c(?:>|\s(?![^<>]*\br=)[^<>]*>)")
_CELL = re.compile(rb"<" + _P + rb"c(?=[\s>])")
_ODD = re.compile(rb"\st=[\"']e[\"']|<" + _P + rb"f[\s>/]")
_SIGNS = (b't="e"', b"t='e'", b"<f", b":f")
"""One of them is in each text that `_ODD` finds something in."""
_PLACE = re.compile(rb"\sr=[\"']([A-Za-z]{1,3})([0-9]{1,9})[\"']")
_TYPE = re.compile(rb"\st=[\"'](\w+)[\"']")
_VALUE = re.compile(rb"<" + _P + rb"v\b[^<>]*>([^<]+)<")
_MERGED = re.compile(rb"<" + _P + rb"mergeCell\s[^<>]*ref=[\"']([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)[\"']")


def sheet_members(archive: ZipFile) -> Mapping[str, str]:
    """Return the archive's members that hold the sheets, by the sheets' names. Raises `WorkbookError`."""
    names = members(archive)
    for needed in (BOOK, _LINKS):
        if needed not in names:
            raise damaged(f"it has no {needed}")
    read_through(archive, [names[part] for part in _SHARED if part in names])
    targets = {link.get("Id", ""): link.get("Target", "") for link in _elements(archive, names[_LINKS], "Relationship")}
    found: dict[str, str] = {}
    for sheet in _elements(archive, names[BOOK], "sheet"):
        link = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        target = targets.get(link, "")
        path = target.lstrip("/") if target.startswith(("/", "xl/")) else f"xl/{target}"
        if path.lower() in names:
            found[sheet.get("name", "")] = names[path.lower()]
    return found


def _elements(archive: ZipFile, name: str, tag: str) -> Iterator[ElementTree.Element]:
    text = read_small(archive, name)
    if b"<!DOCTYPE" in text:
        raise damaged("it declares a document type")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - it declares no entities
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise damaged(f"{name}: {error}") from None
    return (element for element in root.iter() if element.tag.rpartition("}")[2] == tag)


def contents_of(archive: ZipFile, member: str) -> Contents:
    """Look through a sheet. Raises `WorkbookError`."""
    found = Contents()
    rest = b""
    for piece in stream(archive, member):
        text = rest + piece
        # Cells end before a row does.
        end = text.rfind(b"row>") + len(b"row>")
        whole, rest = (text[:end], text[end:]) if end >= len(b"row>") else (b"", text)
        if len(rest) > _LONGEST_ROW:
            raise damaged("a row of it is too long")
        _look_at(whole, found)
    _look_at(rest, found)
    return found


def _look_at(text: bytes, found: Contents) -> None:
    if not text:
        return
    plain = b":c" not in text and not _OTHER.search(text)
    if used := (_PLAIN if plain else _USED).findall(text):
        columns = max(column_index(name.decode()) for name in {column for column, _ in used})
        found.reach(max(int(row) for _, row in used), columns + 1)
    if not plain and _PLACELESS.search(text):
        # They follow each other.
        rows = [int(row or 0) for row in _ROW.findall(text)]
        columns = max(len(_PLACELESS.findall(row)) for row in text.split(b"row>"))
        found.reach(max(found.rows + len(rows), *rows, 1), found.columns + columns)
    if any(sign in text for sign in _SIGNS) and _ODD.search(text):
        for cell in _CELL.split(text)[1:]:
            attributes, _, body = cell.partition(b">")
            if not attributes.endswith(b"/"):
                _look_at_cell(attributes, body, found)
    for first, top, last, bottom in _MERGED.findall(text):
        at = (int(top) - 1, column_index(first.decode()), int(bottom) - 1, column_index(last.decode()))
        found.merged.append(at)


def _look_at_cell(attributes: bytes, body: bytes, found: Contents) -> None:
    kind = _TYPE.search(attributes)
    value = _VALUE.search(body)
    if kind and kind[1] == b"e":
        shown: str | BadValue = unescape(value[1].decode(errors="replace")) if value else "#ERROR!"
    elif _ODD.search(body) and not value and not (kind and kind[1] == b"str"):
        shown = BadValue("", NOT_CALCULATED)
    else:
        return
    place = _PLACE.search(attributes)
    if not place:
        raise WorkbookError("a cell holds an error or no result, and the file doesn't say which", AGAIN)
    found.put(int(place[2]) - 1, column_index(place[1].decode()), shown)
