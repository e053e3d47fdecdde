"""What programs pass to the use cases: paths and lists in the forms that Python has, and errors that name parameters.

The command line calls the same functions. Messages are written in its words, with flags; a program that calls is told
of its parameters instead: `state_dir`, and not `--state-dir`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import Any, TypeAlias, TypeVar, cast

from bulkprof.errors import AwsError, BulkprofError, PluginError, UsageError
from bulkprof.stop import Stop
from bulkprof.text.printable import Lines, printable_lines
from bulkprof.ui import Ui
from bulkprof.workflows.options import Options, StrPath, file_of

UseCase = TypeVar("UseCase", bound=Callable[..., Any])

Manifests: TypeAlias = StrPath | Iterable[StrPath]
"""Manifest files, one or several; `-` is the standard input of the options."""


def for_programs(use_case: UseCase) -> UseCase:
    """Check what is passed as `options`, `ui` and `stop`, and let errors name parameters where a program calls.

    The call raises `TypeError` for values of another kind.
    """
    parameters = signature(use_case)
    known = {each.name for each in fields(Options)} | set(parameters.parameters)

    @contextmanager
    def called(given: tuple[Any, ...], more: dict[str, Any]) -> Iterator[None]:
        options = _checked(parameters.bind(*given, **more).arguments)
        try:
            yield
        except BulkprofError as error:
            # What AWS and plugins say is theirs.
            if not options.flags and not isinstance(error, AwsError | PluginError) and error.args:
                error.args = (named(str(error.args[0]), known), *error.args[1:])
            raise

    if iscoroutinefunction(use_case):

        @wraps(use_case)
        async def awaited(*given: Any, **more: Any) -> Any:
            with called(given, more):
                return await use_case(*given, **more)

        return cast("UseCase", awaited)

    @wraps(use_case)
    def plain(*given: Any, **more: Any) -> Any:
        with called(given, more):
            return use_case(*given, **more)

    return cast("UseCase", plain)


def _checked(arguments: dict[str, Any]) -> Options:
    """Return the options of a call. Raises `TypeError`."""
    for name, kind in (("options", Options), ("ui", Ui), ("stop", Stop)):
        value = arguments.get(name)
        if value is not None and not isinstance(value, kind):
            what = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
            raise TypeError(f"{name} is an instance of bulkprof.{kind.__name__}, not {what}")
    return arguments.get("options") or Options()


_FLAG = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?: (?=[A-Z]+\b))?")
_COMMAND = re.compile(r"(`bulkprof [^`]*`)")


def named(message: str, parameters: Iterable[str]) -> str:
    """Return a message with parameters in place of the flags of the same names.

    Commands in it (`bulkprof …`) stay as they are: people type them.
    """
    known = frozenset(parameters)

    def parameter(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        # `--state-dir DIR` says that a value follows.
        return f"{name}{'=' * found[0].endswith(' ')}" if name in known else found[0]

    parts = [part if part.startswith("`") else _FLAG.sub(parameter, part) for part in _COMMAND.split(message)]
    text = "".join(parts)
    return printable_lines(text.split("\n")) if isinstance(message, Lines) else text


def as_list(files: StrPath | Iterable[StrPath], name: str = "manifests") -> list[str]:
    """Return the files that the parameter `name` got as the command line gives them. A single one needs no list.

    Raises `TypeError` for what is no file; `UsageError` for a file whose name isn't UTF-8: it could stand in no report.
    """
    # Else a string would be read as its letters.
    if isinstance(files, str | bytes | os.PathLike) or not isinstance(files, Iterable):
        files = [files]
    given = [file_of(file, name) for file in files]
    for file in given:
        if any("\ud800" <= letter <= "\udfff" for letter in file):
            shown = os.fsencode(file).decode(errors="backslashreplace")
            raise UsageError(f"{shown}: the file's name is not UTF-8, and could stand in no report; rename it")
    return given
