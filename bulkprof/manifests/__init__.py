"""From manifests to requests: every row, or every problem of it, with file and line."""

from bulkprof.manifests.cells import Cells, Rejected
from bulkprof.manifests.parts import Part, cut
from bulkprof.manifests.readers import builtin_readers, merge_readers
from bulkprof.manifests.requests import Batch, read_batches

__all__ = ["Batch", "Cells", "Part", "Rejected", "builtin_readers", "cut", "merge_readers", "read_batches"]
