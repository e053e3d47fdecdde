"""rich's console, for what is drawn."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from bulkprof.text.printable import printable


class SafeConsole(Console):
    """A console that draws only what is printable."""

    def __init__(self, **options: Any) -> None:
        # A `:warning:` in a cell is one, and no picture.
        super().__init__(**options, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make a text printable: all strings come here, those in tables, too."""
        return super().render_str(printable(text), **options)
