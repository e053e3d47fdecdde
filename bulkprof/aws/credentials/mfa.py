"""One-time codes of MFA devices, which a profile of the SDK's config may ask for (`mfa_serial`).

The SDK asks in the midst of its work, on the event loop, and would hold everything up until somebody answers. Here it
is told at once that there is no code yet; then whoever started the run is asked, and the SDK begins anew with the code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Ask = Callable[[str], Awaitable[str | None]]
"""Asks whoever started the run a question, and answers None where nobody can be asked."""


class CodeNeededError(BaseException):
    """The SDK asks for a code. No `Exception`, since the SDK would log those with a traceback before it passes them."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class Codes:
    """The codes that were given, by the SDK's question; called as the SDK's prompter is."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}

    def __call__(self, question: str) -> str:
        """Answer the code. Raises `CodeNeededError` where it wasn't given yet."""
        if question not in self._codes:
            raise CodeNeededError(question)
        return self._codes[question]

    def give(self, question: str, code: str) -> None:
        """Keep a code for when the SDK asks again."""
        self._codes[question] = code

    def forget(self) -> None:
        """Drop all codes: each is good for one time."""
        self._codes.clear()
