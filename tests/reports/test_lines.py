"""Lines on terminals that are narrower: no word is broken, and what is copied stays whole."""

from __future__ import annotations

import pytest
from rich.console import Console

from bulkprof.reports.lines import print_line

ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl"


def printed(line: str, *, terminal: bool = True, **more: object) -> str:
    console = Console(force_terminal=terminal, width=30, no_color=True, legacy_windows=False)
    with console.capture() as told:
        print_line(console, line, **more)  # type: ignore[arg-type]
    return told.get()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("short", "short\n"),
        ("a line of more than thirty columns", "a line of more than thirty\n    columns\n"),
        ("  indented and too long for its own good", "  indented and too long for\n    its own good\n"),
        (f"see {ARN} there", f"see\n    {ARN}\n    there\n"),
        (ARN, f"{ARN}\n"),
        (
            "next: bulkprof report 20261128T121810Z --state-dir there",
            "next:\n    bulkprof report 20261128T121810Z --state-dir there\n",
        ),
        ("what `bulkprof runs redeliver RUN` sends", "what\n    `bulkprof runs redeliver RUN`\n    sends\n"),
        ("東京 東京 東京 東京 東京 東京 東京", "東京 東京 東京 東京 東京 東京\n    東京\n"),
        ("one\n  two is a line that is too long", "one\n  two is a line that is too\n    long\n"),
        ("Do it? Only 'yes' is taken now: ", "Do it? Only 'yes' is taken\n    now: \n"),
    ],
)
def test_a_narrow_terminal(line: str, shown: str) -> None:
    assert printed(line, hang=4) == shown
    assert printed(line, terminal=False, hang=4) == f"{line}\n"


def test_styles_and_ends_stay() -> None:
    assert printed("[b]a line[/] of more than thirty columns", markup=True, end="|") == (
        "\x1b[1ma line\x1b[0m of more than thirty\ncolumns|"
    )
    assert printed("no [b]markup[/]") == "no [b]markup[/]\n"
