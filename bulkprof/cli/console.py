"""rich's console, for what is drawn."""

from __future__ import annotations

from rich.console import Console

from bulkprof.cli.app import nobody_reads


class SafeConsole(Console):
    """A console that harms nobody when its reader goes away."""

    def on_broken_pipe(self) -> None:
        """Go on without a reader: the run matters more than who watches it."""
        self.quiet = True
        nobody_reads(self.file)
