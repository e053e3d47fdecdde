"""Makes `teams.xls`, with xlwt, which nothing else here needs: `python make.py` where it is installed."""

from __future__ import annotations

import datetime
from pathlib import Path

import xlwt  # type: ignore[import-untyped]

book = xlwt.Workbook()
notes = book.add_sheet("Notes")
notes.write(0, 0, "name")
notes.visibility = 1
sheet = book.add_sheet("Teams")
sheet.write_merge(0, 0, 0, 5, "AI teams")
for column, header in enumerate(("Name", "Account", "Region", "tag:Team", "tag:Since", "tag:Active"), 1):
    sheet.write(2, column, header)
day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
hour = xlwt.easyxf(num_format_str="HH:MM")
sheet.write(3, 1, "team-a")
sheet.write(3, 2, 111122223333)
sheet.write(3, 3, "us-east-1")
sheet.write_merge(3, 4, 4, 4, "Search")
sheet.write(3, 5, datetime.date(2026, 1, 31), day)
sheet.write(3, 6, True)
sheet.write(4, 1, "team-b")
sheet.write(4, 2, 444455556666)
sheet.write(4, 3, "eu-west-1")
sheet.write(4, 5, 0.5, hour)
sheet.write(4, 6, 1.5)
sheet.write(5, 1, "team-c")
sheet.row(5).set_cell_error(2, "#REF!")
book.save(str(Path(__file__).with_name("teams.xls")))
