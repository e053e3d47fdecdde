"""What a run tells, in CloudWatch."""

from __future__ import annotations

import logging
from typing import Final

from bulkprof.model import Problem
from bulkprof.reports.problems import ProblemLines, SameProblem
from bulkprof.text.printable import printable
from bulkprof.ui import Ui

LOG: Final = logging.getLogger("bulkprof")
"""The logger that Lambda has set up."""


class LogUi(Ui):
    """Writes to CloudWatch, through the logging that Lambda has set up."""

    def __init__(self) -> None:
        self._lines = ProblemLines(self._same_problem)
        self._log: logging.Logger | logging.LoggerAdapter[logging.Logger] = LOG

    def traced(self, trace_id: str) -> None:
        """Log it, and let all further lines carry it, as Lambda's JSON format shows it."""
        self._log = logging.LoggerAdapter(LOG, {"trace_id": trace_id})
        self.note(f"trace: {trace_id}")

    def problem(self, problem: Problem) -> None:
        """Log it, once for all of its rows."""
        self._lines.add(problem)

    def problems_end(self) -> None:
        """Log the problems that aren't logged yet."""
        self._lines.end()

    def _same_problem(self, same: SameProblem) -> None:
        self._log.log(logging.ERROR if same.first.is_error else logging.WARNING, "%s", str(same))

    def warn(self, message: str) -> None:
        """Log it."""
        self._log.warning("%s", printable(message))

    def note(self, message: str) -> None:
        """Log it."""
        self._log.info("%s", printable(message))
