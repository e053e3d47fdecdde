"""A plan as people read it: on the terminal and as Markdown."""

from bulkprof.reports.plan.view import plan_of

__all__ = ["plan_of"]
