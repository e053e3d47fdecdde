"""One-time codes of MFA devices, which a profile of the SDK's config may ask for (`mfa_serial`).

The SDK asks for them on the event loop, and would block it until the user has typed one. Here an exception tells it at
once that there is no code yet; then the user is asked, and the SDK starts again with the code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Ask = Callable[[str], Awaitable[str | None]]
"""Asks the user a question. Returns None where there is no terminal to ask at."""


class CodeNeededError(BaseException):
    """The SDK asks for a code. No `Exception`, since the SDK would log those with a traceback before it passes them."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class Codes:
    """The codes that the user gave, by the SDK's question. Takes the place of the SDK's prompter."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}

    def __call__(self, question: str) -> str:
        """Return the code. Raises `CodeNeededError` if it wasn't given yet."""
        if question not in self._codes:
            raise CodeNeededError(question)
        return self._codes[question]

    def give(self, question: str, code: str) -> None:
        """Keep a code for the SDK's next try."""
        self._codes[question] = code

    def forget(self) -> None:
        """Drop all codes: each can be used once."""
        self._codes.clear()
