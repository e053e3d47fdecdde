"""OpenTelemetry's own log lines, which would come again and again while a receiver can't be reached.

They are kept from the process's other log handlers while a run has telemetry; the first one is told at its end.
"""

from __future__ import annotations

import logging
import os
import threading

_LOGGER = logging.getLogger("opentelemetry")
_LOCK = threading.Lock()


class Quiet(logging.Handler):
    """Listens to OpenTelemetry for one run, from now on."""

    _listening = 0
    """How many do: the last one to end lets the lines go their way again."""
    _propagated = True

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""
        """What was said first, in a line."""
        self.heard = 0
        """How many lines were said."""
        with _LOCK:
            if not Quiet._listening:
                Quiet._propagated, _LOGGER.propagate = _LOGGER.propagate, False
            Quiet._listening += 1
        _LOGGER.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a line."""
        self.heard += 1
        self.first = self.first or " ".join(_without_headers(record.getMessage()).split())

    def taken(self) -> str:
        """Return what was said first, and forget it."""
        first, self.first = self.first, ""
        return first

    def end(self) -> None:
        """Listen no more."""
        _LOGGER.removeHandler(self)
        with _LOCK:
            Quiet._listening -= 1
            if not Quiet._listening:
                _LOGGER.propagate = Quiet._propagated


def _without_headers(text: str) -> str:
    """Leave out what the environment has as headers: mostly keys, and OpenTelemetry shows those that it can't read."""
    for name, value in os.environ.items():
        if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("HEADERS"):
            for header in filter(None, map(str.strip, value.split(","))):
                text = text.replace(header, "…")
    return text
