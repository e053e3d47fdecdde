"""Workbooks as they are opened: their sheets, and the rows of each, as text.

python-calamine reads `.xlsx`, `.xlsm` and `.ods`, xlrd `.xls`: it tells errors apart from empty cells. Which of them
reads a file is decided by how it begins, since names are changed more easily than formats.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from zipfile import ZipFile

from bulkprof.errors import ConfigError
from bulkprof.manifests.flatten import BadValue
from bulkprof.manifests.workbooks.archives import members, sound
from bulkprof.manifests.workbooks.contents import AGAIN, Contents, WorkbookError, damaged, too_large
from bulkprof.manifests.workbooks.ods import CONTENT, contents_by_sheet
from bulkprof.manifests.workbooks.values import Value, shown
from bulkprof.manifests.workbooks.xlsx import BOOK, contents_of, sheet_members

if TYPE_CHECKING:
    import xlrd
    from python_calamine import CalamineWorkbook

T = TypeVar("T")
Row = tuple[int, list[str | BadValue]]
"""A row's number, counted from 1, and its cells from column A on."""

_LARGEST = 1 << 26
"""Bytes of a workbook, packed as it is."""
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_XLS = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
PASSWORD = ("the workbook is protected by a password", "save it without one")


class SheetName(NamedTuple):
    """A sheet with cells, and whether it is shown."""

    name: str
    visible: bool


class OpenSheet(NamedTuple):
    """A sheet's rows, empty ones among them, and its merged cells."""

    rows: Iterator[Row]
    merged: Sequence[tuple[int, int, int, int]]


class Book(Protocol):
    """An open workbook."""

    sheets: Sequence[SheetName]

    def sheet(self, name: str) -> OpenSheet:
        """Return a sheet. Raises `WorkbookError`."""
        ...


@contextmanager
def opened(path: Path, label: str) -> Iterator[Book]:
    """Open a workbook. Raises `WorkbookError` for what is none, `ConfigError` where a library isn't installed."""
    with path.open("rb") as file, ExitStack() as stack:
        head = file.read(len(_OLE))
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size > _LARGEST:
            raise too_large(size, _LARGEST)
        if head == _OLE or head.startswith(_OLD_XLS):
            yield _OldExcel(file.read(), label)
            return
        if not head.startswith(_ZIP):
            raise _no_workbook(file.read(1 << 12))
        with sound():
            archive = stack.enter_context(ZipFile(file))
        names = members(archive)
        if BOOK in names:
            parts = sheet_members(archive)
            yield _Calamine(file, label, {name: partial(contents_of, archive, part) for name, part in parts.items()})
        elif CONTENT in names:
            found = contents_by_sheet(archive)
            yield _Calamine(file, label, {name: partial(found.__getitem__, name) for name in found})
        else:
            kind = "a binary workbook (.xlsb)" if "xl/workbook.bin" in names else "a zip archive without a workbook"
            raise WorkbookError(f"the file is {kind}", "save it as .xlsx")


def _no_workbook(head: bytes) -> WorkbookError:
    if not head.strip():
        return WorkbookError("the file is empty", "an empty manifest is never taken for 'nothing is wanted'")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"<"):
        return WorkbookError("the file is HTML or XML, not a workbook", AGAIN)
    if b"\0" not in head:
        return WorkbookError("the file is text, not a workbook", "name it as what it is: .csv, .json or .yaml")
    return WorkbookError("the file is no workbook that bulkprof knows", AGAIN)


class _Calamine:
    """What python-calamine reads, with what it doesn't tell."""

    def __init__(self, file: Any, label: str, contents: Mapping[str, Callable[[], Contents]]) -> None:
        try:
            import python_calamine as calamine
        except ImportError:
            raise _missing(label, "python-calamine") from None
        self._contents = contents
        file.seek(0)
        self._book: CalamineWorkbook = _answer(lambda: calamine.CalamineWorkbook.from_filelike(file))
        self.sheets: Sequence[SheetName] = [
            SheetName(sheet.name, sheet.visible == calamine.SheetVisibleEnum.Visible)
            for sheet in self._book.sheets_metadata
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet and sheet.name in contents
        ]

    def sheet(self, name: str) -> OpenSheet:
        contents = self._contents[name]()
        return OpenSheet(self._rows(name, contents), contents.merged)

    def _rows(self, name: str, contents: Contents) -> Iterator[Row]:
        sheet = _answer(lambda: self._book.get_sheet_by_name(name))
        start, end = sheet.start, sheet.end
        before: list[Value] = [""] * (start[1] if start else 0)
        after = 0
        if start and end:
            after = end[0] + 1
            for index, cells in enumerate(sheet.iter_rows()):
                yield index + 1, _with([*before, *cells], contents, index)
        # Where the library sees nothing, there may be cells that it doesn't return.
        for index in sorted(contents.cells):
            if index >= after:
                yield index + 1, _with([], contents, index)


def _with(values: Sequence[Value], contents: Contents, index: int) -> list[str | BadValue]:
    """A row as text, with the cells that the library doesn't return."""
    row: list[str | BadValue] = list(map(shown, values))
    for column, value in contents.cells.get(index, {}).items():
        row.extend([""] * (column + 1 - len(row)))
        row[column] = value
    return row


def _answer(ask: Callable[[], T]) -> T:
    """Return what python-calamine answers. It panics over some broken files, which is no `Exception`."""
    from python_calamine import CalamineError, PasswordError

    try:
        return ask()
    except PasswordError:
        raise WorkbookError(*PASSWORD) from None
    except CalamineError as error:
        raise damaged(error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise damaged(error) from None


class _OldExcel:
    """What xlrd reads."""

    def __init__(self, data: bytes, label: str) -> None:
        if _ENCRYPTED in data:
            raise WorkbookError(*PASSWORD)
        try:
            import xlrd
        except ImportError:
            raise _missing(label, "xlrd") from None
        try:
            # It prints what it wonders about.
            book = xlrd.open_workbook(file_contents=data, logfile=io.StringIO(), formatting_info=True, on_demand=True)
            sheets = [SheetName(name, book.sheet_by_name(name).visibility == 0) for name in book.sheet_names()]
        except Exception as error:  # noqa: BLE001 - it raises whatever a broken file leads to
            if "encrypted" in str(error):
                raise WorkbookError(*PASSWORD) from None
            raise damaged(str(error) or type(error).__name__) from None
        self._book = book
        self.sheets: Sequence[SheetName] = sheets

    def sheet(self, name: str) -> OpenSheet:
        sheet = self._book.sheet_by_name(name)
        merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
        return OpenSheet(self._rows(sheet), merged)

    def _rows(self, sheet: xlrd.sheet.Sheet) -> Iterator[Row]:
        for index in range(sheet.nrows):
            yield index + 1, [self._shown(cell) for cell in sheet.row(index)]

    def _shown(self, cell: xlrd.sheet.Cell) -> str | BadValue:
        import xlrd

        value = cell.value
        if isinstance(value, str):
            return value
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(int(value), "#ERROR!")
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return shown(bool(value))
        if cell.ctype == xlrd.XL_CELL_DATE:
            # Some numbers can't be dates, whatever their format says.
            with suppress(ValueError, OverflowError):
                moment = xlrd.xldate_as_datetime(value, self._book.datemode)
                return shown(moment.time() if 0 <= value < 1 else moment)
        return shown(value)


def _missing(label: str, library: str) -> ConfigError:
    return ConfigError(f"{label}: {library}, which reads it, is not installed: pip install 'bulkprof[excel]'")
