"""A run's progress: what is left of it, and how that is shown, live on a terminal and as plain lines elsewhere."""

from bulkprof.reports.progress.busiest import Busiest
from bulkprof.reports.progress.remaining import Remaining, TargetDone
from bulkprof.reports.progress.view import LINE_EVERY_S, LOOK_SHARE, ProgressView

__all__ = ["LINE_EVERY_S", "LOOK_SHARE", "Busiest", "ProgressView", "Remaining", "TargetDone"]
