"""rich's console, for tables, bars and lines on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from bulkprof.text.printable import printable


class SafeConsole(Console):
    """A console that draws only what is printable."""

    def __init__(self, **options: Any) -> None:
        # A `:warning:` in a cell stays what it is and becomes no picture.
        super().__init__(**options, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text made printable: rich asks this for all strings, those in tables, too."""
        return super().render_str(printable(text), **options)
