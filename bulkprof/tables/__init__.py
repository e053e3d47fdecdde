"""Text files with a header and rows, as bulkprof and its plugins read them: encodings, delimiters, odd first lines."""

from bulkprof.tables.csv_table import Table
from bulkprof.tables.encoding import WHOLE, Span

__all__ = ["WHOLE", "Span", "Table"]
