"""Workbooks: Excel's and OpenDocument's. Which sheet holds the rows, what its cells show, and where they are."""
