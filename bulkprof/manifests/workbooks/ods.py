"""The XML of `.ods` files, looked through for what python-calamine doesn't tell."""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat
from zipfile import ZipFile

from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.workbooks.archives import members, read_small, stream
from bulkprof.manifests.workbooks.contents import AGAIN, MOST_CELLS, NOT_CALCULATED, Contents, WorkbookError, damaged
from bulkprof.text.damaged import is_error

CONTENT = "content.xml"
_MANIFEST = "meta-inf/manifest.xml"
_CELLS = ("table-cell", "covered-table-cell")


def contents_by_sheet(archive: ZipFile) -> Mapping[str, Contents]:
    """Look through all sheets. Raises `WorkbookError`."""
    names = members(archive)
    if _MANIFEST in names and b"encryption-data" in read_small(archive, names[_MANIFEST]):
        raise WorkbookError("the workbook is protected by a password", "save it without one")
    scan = _Scan()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.CharacterDataHandler = scan.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.buffer_text = True
    try:
        for piece in stream(archive, names[CONTENT]):
            parser.Parse(piece, False)  # noqa: FBT003 - positional only
        parser.Parse(b"", True)  # noqa: FBT003
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise damaged(error) from None
    return scan.sheets


def _refuse_doctype(*_: object) -> None:
    raise damaged("it declares a document type")


class _Scan:
    """What expat calls while it reads the sheets."""

    def __init__(self) -> None:
        self.sheets: dict[str, Contents] = {}
        self._sheet = Contents()
        self._row = self._column = 0
        self._rows_repeat = self._repeat = 1
        self._cell: Mapping[str, str] | None = None
        """The attributes of the cell that is open."""
        self._shown: list[str] = []
        self._in_note = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take in the start of an element."""
        name = _local(tag)
        if name == "annotation":
            self._in_note += 1
        elif name == "table":
            found = _plain(attributes)
            self._sheet = self.sheets[found.get("name", "")] = Contents()
            self._row = 0
        elif name == "table-row":
            self._rows_repeat = _count(_plain(attributes).get("number-rows-repeated"))
            self._column = 0
        elif name in _CELLS:
            self._cell = _plain(attributes)
            self._repeat = _count(self._cell.get("number-columns-repeated"))
            self._shown = []

    def text(self, text: str) -> None:
        """Take in text."""
        if self._cell is not None and not self._in_note:
            self._shown.append(text)

    def end(self, tag: str) -> None:
        """Take in the end of an element."""
        name = _local(tag)
        if name == "annotation":
            self._in_note -= 1
        elif name == "table-row":
            self._row += self._rows_repeat
        elif name in _CELLS and self._cell is not None:
            self._end_cell(self._cell, "".join(self._shown).strip())
            self._cell = None
            self._column += self._repeat

    def _end_cell(self, cell: Mapping[str, str], shown: str) -> None:
        if "value-type" in cell or "formula" in cell:
            self._sheet.reach(self._row + self._rows_repeat, self._column + self._repeat)
            if sum(sheet.rows * sheet.columns for sheet in self.sheets.values()) > MOST_CELLS:
                raise WorkbookError(f"its sheets have more than {MOST_CELLS:,} cells", AGAIN)
        odd: str | BadValue = ""
        if cell.get("calcext value-type") == "error" or ("formula" in cell and is_error(shown)):
            odd = shown if is_error(shown) else "#ERROR!"
        elif "formula" in cell and "value-type" not in cell:
            odd = BadValue("", NOT_CALCULATED)
        if odd:
            for row in range(self._row, self._row + self._rows_repeat):
                for column in range(self._column, self._column + self._repeat):
                    self._sheet.put(row, column, odd)
        down, across = _count(cell.get("number-rows-spanned")), _count(cell.get("number-columns-spanned"))
        if down > 1 or across > 1:
            self._sheet.merged.append((self._row, self._column, self._row + down - 1, self._column + across - 1))


def _local(tag: str) -> str:
    return tag.rpartition(" ")[2]


def _plain(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes by their local names; LibreOffice's own type of a value stands beside the standard's."""
    plain: dict[str, str] = {}
    for key, value in attributes.items():
        space, _, name = key.rpartition(" ")
        plain[f"calcext {name}" if "calcext" in space or "experimental:calc" in space else name] = value
    return plain


def _count(text: str | None) -> int:
    """How often something repeats, or how far it spans."""
    return max(1, int(text)) if text and text.isdecimal() and len(text) < 10 else 1
