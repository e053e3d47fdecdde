"""From manifests to requests: every row, or every problem of it, with file and line."""

from bulkprof.intake.cells import Cells, Rejected
from bulkprof.intake.parts import Part, cut
from bulkprof.intake.readers import builtin_readers, merge_readers
from bulkprof.intake.requests import Batch, read_batches

__all__ = ["Batch", "Cells", "Part", "Rejected", "builtin_readers", "cut", "merge_readers", "read_batches"]
