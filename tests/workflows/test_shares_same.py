"""Several processes find in manifests what one process finds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bulkprof.errors import ConfigError
from bulkprof.manifests.parallel import interpreters, parts
from bulkprof.manifests.parallel import shares as parallel
from bulkprof.workflows.steps.intake.rows import LARGEST
from tests.workflows.processes import (
    CONFIG,
    HEADER,
    ROWS,
    Forked,
    Processes,
    Told,
    kept,
    spoilt,
    use_rule,
    validated,
    write,
)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, in_folder: None) -> Processes:
    """What they find is the same however they start; `test_share_lost` starts real interpreters."""
    return Processes(monkeypatch, Forked)


@pytest.mark.parametrize("header", [HEADER, "team,modle,account,region,name\n"])
def test_they_find_what_one_process_finds(processes: Processes, header: str) -> None:
    files = [
        write("a.csv", spoilt(ROWS), header),
        write("b.csv", ROWS[::-1]),
        write("c.jsonl", ['{"team": "j", "model": "nova", "tags": 1}', '{"team": "k"'], ""),
        write("d.csv", ROWS[:1]),
    ]
    one, several = Told(), Told()
    alone = validated(*files, processes=1, ui=one)
    assert not processes.started
    assert validated(*files, ui=several) == alone
    assert len(processes.started) == 2
    assert processes.all_ended()
    assert several.problems == one.problems
    assert alone.problems > 8


def test_one_row_may_fan_out_to_more_than_a_portion_holds(processes: Processes) -> None:
    accounts = "|".join(str(111122220000 + number) for number in range(LARGEST // 8 + 1))
    regions = "|".join(f"us-east-{n}" for n in range(1, 9))
    manifest = write("a.csv", [*ROWS, f"t-x,nova,{accounts},{regions},"])
    assert validated(manifest) == validated(manifest, processes=1)
    assert len(processes.started) == 2


def test_a_plugin_that_looks_beyond_its_row_sees_all_rows(processes: Processes) -> None:
    use_rule("pass", independent_rows=False)
    validated(write("a.csv", ROWS))
    assert not processes.started


def test_only_files_of_our_own_formats_are_shared(processes: Processes) -> None:
    os.mkfifo("pipe.csv")
    Path("folder.csv").mkdir()
    Path("sheet.xlsx").touch()
    plain = write("a.csv", ROWS)
    found = parallel.share_out([plain], None, 8)
    assert found
    assert found.processes == 3
    for other in ("pipe.csv", "-", "missing.csv", "a\0.csv", "folder.csv", "sheet.xlsx", plain):
        assert parallel.share_out([plain, other], None, 8) is None


def test_small_manifests_are_not_worth_it(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write("a.csv", ROWS)
    monkeypatch.setattr(interpreters, "FROM_BYTES", Path(manifest).stat().st_size + 1)
    validated(manifest)
    assert not processes.started


@pytest.mark.parametrize("executable", ["", None])
def test_a_program_without_an_interpreter_reads_alone(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    assert validated(write("a.csv", ROWS)).desired == 1600
    interpreters.start_early(["a.csv"], 3, ())
    assert not processes.started


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_was_started_early_is_used_and_the_rest_is_ended(processes: Processes, most: int) -> None:
    manifest = write("a.csv", ROWS)
    interpreters.start_early([manifest, "missing.csv", "a.json"], 3, ("bulkprof.config",))
    assert len(processes.started) == 2
    assert validated(manifest, processes=most).desired == 1600
    assert len(processes.started) == 2
    assert processes.all_ended()


@pytest.mark.parametrize("suffix", interpreters.SUFFIXES)
def test_what_is_read_early_can_be_cut(processes: Processes, suffix: str) -> None:
    assert len(parts.cut(write(f"a{suffix}", ROWS))) > 1


def test_they_notice_a_column_that_no_manifest_has(processes: Processes) -> None:
    config = Path("bulkprof.toml")
    config.write_text(CONFIG.replace('columns = ["team"]', 'columns = ["team", "App"]'))
    with_it = [write("b.jsonl", ['{"team": "b"}', '{"team": "c", "model": "nova", "App": "x"}'], "")]
    without = [write("a.csv", ROWS)]
    validated(*without, *with_it)
    assert len(processes.started) == 2
    with pytest.raises(ConfigError, match=r"\[plugins.tags\] columns: no manifest has the column 'App'"):
        validated(*without)
    assert len(processes.started) == 4
    assert processes.all_ended()


def test_values_that_a_rule_puts_right_are_put_right_by_each(processes: Processes) -> None:
    use_rule("pass")
    Path("mine.py").write_text(
        "from dataclasses import replace\n"
        "from bulkprof.plugins import hookimpl\n"
        "independent_rows = True\n"
        "@hookimpl\n"
        "def bulkprof_prepare_request(request):\n"
        "    return replace(request, description=(request.description or '').replace(',', '') or None)\n"
    )
    rows = [f't-{n},nova,111122223333,us-east-1,,"a, b"' for n in range(1600)]
    manifest = write("a.csv", rows, HEADER.strip() + ",description\n")
    found = validated(manifest)
    assert (found.desired, found.problems, len(processes.started)) == (1600, 0, 2)


def test_columns_that_no_rule_reads_are_told_once(processes: Processes) -> None:
    header = HEADER.replace("name\n", "Notes,na\u200bme,Owner mail\n")
    files = [
        write("a.csv", [f"{row[:-1]},x,,y" for row in spoilt(ROWS)[:700]], header),
        write("b.csv", [f"b-{row[:-1]},x,,y" for row in ROWS], header),
        write("c.jsonl", ['{"team": "j", "model": "nova", "Size": "L", "Notes": ""}'], ""),
    ]
    for several in (1, 8):
        validated(*files, processes=several, ui=(ui := Told()))
        assert ui.notes == ["columns read by no rule: Notes, Owner mail, Size"]
    assert len(processes.started) == 2


@pytest.mark.parametrize(
    ("says", "notes"),
    [
        ("", []),
        ("fields_read = ()", ["column read by no rule: Notes"]),
        ("fields_read = ['\\u200bNotes', 'tag:x', 'model']", []),
    ],
)
def test_only_where_all_rules_say_what_they_read(processes: Processes, says: str, notes: list[str]) -> None:
    use_rule("pass")
    with Path("mine.py").open("a") as file:
        file.write(says + "\n")
    manifest = write("a.csv", [row[:-1] + "," for row in ROWS[:5]], HEADER.replace("name", "Notes"))
    validated(manifest, ui=(ui := Told()))
    assert ui.notes == notes


def test_a_header_among_the_rows_of_any_part_is_told(processes: Processes) -> None:
    rows = [*ROWS[:900], HEADER.strip().upper(), *ROWS[900:]]
    for several in (1, 8):
        validated(write("a.csv", rows), processes=several, ui=(ui := Told()))
        assert [str(problem).partition(";")[0] for problem in ui.problems] == ["a.csv:902: the header again"]


def test_a_title_above_a_large_manifest_is_one_problem(processes: Processes) -> None:
    for several in (1, 8):
        validated(write("a.csv", ROWS, "Our teams\n" + HEADER), processes=several, ui=(ui := Told()))
        assert [problem.line for problem in ui.problems] == [1]
        validated(write("b.csv", ROWS, "a,b,c,d,e\n"), processes=several, ui=(ui := Told()))
        assert [problem.line for problem in ui.problems] == [1]


def test_what_columns_hold_is_looked_at_in_any_part(processes: Processes) -> None:
    header = HEADER.replace("account", "Konto")
    rows = [row.replace("111122223333", "") for row in ROWS]
    rows[900] = "t-900,nova,111122223333,us-east-1,"
    rows[1200] = "team,model,Konto,region,other"
    for several in (1, 8):
        validated(write("a.csv", rows, header), processes=several, ui=(ui := Told()))
        assert [(problem.line, problem.column) for problem in ui.problems] == [(902, "Konto"), (1202, "")]


@pytest.mark.parametrize("more", [0, LARGEST // 8 + 1])
def test_rows_are_kept_as_they_are_written(processes: Processes, more: int) -> None:
    accounts = "|".join(str(111122220000 + number) for number in range(more))
    regions = "|".join(f"us-east-{n}" for n in range(1, 9))
    rows = [
        *spoilt(ROWS),
        *([f"t-x,nova,{accounts},{regions},"] if more else []),
        "t-last,nova,111122223333,us-east-1,",
    ]
    manifest = write("a.csv", rows, "team,model,account,region,name\n")
    alone = kept(manifest, processes=1)
    assert not processes.started
    assert kept(manifest) == alone
    assert len(processes.started) == 2
    assert len(alone) > 1500 + 8 * more
    assert all(name.partition("-nova")[0] == row["team"] for name, row in alone)
