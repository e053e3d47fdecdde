from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from bulkprof.manifests.csv_rows import parse_csv
from bulkprof.plugins.api import RawRow, Source
from tests.manifests.reading import read_bytes

HEAD = "name,model,team\n"


async def test_every_column(tmp_path: Path) -> None:
    requests, problems = await read_bytes(
        tmp_path,
        "a.csv",
        "name,model,description,account,region,tag:Team,team,empty\n"
        "one, haiku | nova ,A note,111122223333|444455556666,us-east-1|eu-west-1,Data,data,\n",
    )
    assert problems == []
    (row,) = requests
    assert (row.name, row.line, row.models, row.description) == ("one", 2, ("haiku", "nova"), "A note")
    assert row.accounts == ("111122223333", "444455556666")
    assert row.regions == ("us-east-1", "eu-west-1")
    assert dict(row.tags) == {"Team": "Data"}
    assert dict(row.attributes) == {"team": "data"}


@pytest.mark.parametrize(
    "text",
    [
        "name;model;team\nn;m;a,b\n",
        "name\tmodel\tteam\nn\tm\ta,b\n",
        'name,model,team\nn,m,"a,b"\n',
        "\ufeffname;model;team\r\nn;m;a,b\r\n",
        "sep=;\r\nname;model;team\r\nn;m;a,b\r\n",
        'name,model,team\rn,m,"a,b"\r',
        '"name", "model","team" \n n,\u00a0m , "a,b"\n',
        'NAME,Model,team,,\n,,,,\nn,m,"a,b",,\n\n,,,,\n',
        '"a;b;c;d","name","model","team"\n,n,m,"a,b"',
    ],
)
async def test_dialects(tmp_path: Path, text: str) -> None:
    if text.startswith('"name", '):
        text = text.replace('"team" \n', '"team"\n')
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert problems == []
    assert [(row.name, row.models, row.attributes["team"]) for row in requests] == [("n", ("m",), "a,b")]


async def test_lines_are_those_where_rows_begin(tmp_path: Path) -> None:
    text = 'name,model,note\na,m,"one\ntwo\r\nthree"\n\nb,m,x\n'
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert problems == []
    assert [(row.name, row.line) for row in requests] == [("a", 2), ("b", 6)]
    assert requests[0].attributes["note"] == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + "a,m\n", 2, "too few cells: 2 cells; the header has 3"),
        (HEAD + "a,m,t,u\n", 2, "too many cells: 4 cells; the header has 3"),
        (HEAD.encode() + b"a,m,t\nb\xe9,m,t\n", 3, "byte 2 of the line (0xE9) is not UTF-8"),
        (HEAD + "a,m,t\n\0b,m,t\n", 3, "NUL byte at position 1"),
        (HEAD + 'a,m,"t\nb,m,t\n', 2, "never closed; lines 2 to 3"),
        (HEAD + 'a,m,"t\nb,m,"t"\nc,m,t\n', 2, "goes on after its closing quote; lines 2 to 3"),
        (HEAD + 'a,m,"' + "x,y\n" * 100_000, 2, "longer than 131,072 characters; lines 2 to"),
        ("name,modle\na,m\n", 1, "modle: is not a known column; did you mean model?"),
        ("name,name\na,b\n", 1, "name: is the name of 2 columns"),
        ("Model,model\na,b\n", 1, "model: is the name of 2 columns"),
        ("team,team\na,b\n", 1, "team: is the name of 2 columns"),
        ("name,,model\na,b,c\n", 1, "column 2: has no name"),
        ("name,tag:aws:x\na,b\n", 1, "tag:aws:x: tag keys that begin with 'aws:'"),
        ("", 0, "no rows"),
        ("\n\n", 0, "no rows"),
        (HEAD, 0, "no rows"),
        (HEAD + ",,\n\n", 0, "no rows"),
        ((HEAD + "a,m,t\n").encode("utf-16"), 1, "UTF-16"),
        ((HEAD + "a,m,t\n").encode("utf-16-le"), 1, "UTF-16"),
        ('name,"mod\n', 1, "never closed"),
        (b"\xff,name\na,b\n", 1, "byte 1 of the line (0xFF) is not UTF-8"),
    ],
)
async def test_problems(tmp_path: Path, text: str | bytes, line: int, said: str) -> None:
    _, problems = await read_bytes(tmp_path, "a.csv", text)
    assert problems[0].line == line
    assert said in str(problems[0])


async def test_all_problems_at_once_and_the_good_rows_remain(tmp_path: Path) -> None:
    text = HEAD.encode() + b"a.b,m,t\nb,m\nc,m,\xff\nd,m,t\ne,m||n,t\n"
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert [row.name for row in requests] == ["d"]
    assert [problem.line for problem in problems] == [2, 3, 4, 6]


async def test_a_bad_byte_inside_an_unclosed_quote_is_told_too(tmp_path: Path) -> None:
    _, problems = await read_bytes(tmp_path, "a.csv", HEAD.encode() + b'a,m,"t\nb,m,\xff\n')
    assert [problem.line for problem in problems] == [3, 2]


async def test_rows_below_a_bad_header_are_checked_and_not_used(tmp_path: Path) -> None:
    text = "name,acount,model\na,111122223333,m\nb,1234,m\n"
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert requests == []
    assert [(problem.line, problem.column) for problem in problems] == [(1, "acount"), (3, "account")]


async def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    _, problems = await read_bytes(tmp_path, "a.csv", HEAD + "x" * 5_000_000)
    assert "longer than 4,194,304 bytes" in str(problems[0])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write(HEAD)
        for row in range(20_000):
            file.write(f"name-{row},model,{'team' * 40}\n")
    size = path.stat().st_size
    tracemalloc.start()
    try:
        count = sum(isinstance(row, RawRow) for row in parse_csv(Source("big.csv", path)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < size / 4


@pytest.mark.parametrize(
    "text",
    [
        'sep=;\nNAME;team\nn;"a,b"\n',
        '"sep=;"\r\nname;team\r\nn;a,b\r\n',
        '"sep=;;;"\nname;team\nn;a,b\n',
        "\ufeffSEP=;;;;\n\nname;team;;\nn;a,b;;\n",
        '\ufeff"sep=;",,,\nname;team\nn;a,b\n',
        "Sep = ;\nname;team\nn;a,b\n",
        "sep=\t\t\nname\tteam\nn\ta,b\n",
        "sep=\\t\nname\tteam\nn\ta,b\n",
        'sep=,\nname,team\nn,"a,b"\n',
        'sep=\nname,team\nn,"a,b"\n',
        '\ufeff\ufeff"na\u00adme","Team\u200b"\nn,"a,b"\n'.replace("Team", "team"),
        "\ufeff\n\ufeffname;team\nn;a,b\n",
    ],
)
async def test_beginnings(tmp_path: Path, text: str) -> None:
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert problems == []
    assert [(row.name, dict(row.attributes)) for row in requests] == [("n", {"team": "a,b"})]


GOOD = "name,model,team\n" + "a,m,t\n" * 200


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("Teams of 2026\n" + GOOD, 1, "the first line can't be the header: it has 1 cell, and the lines below it"),
        ("\nTeams of 2026,,\n" + GOOD, 2, "remove what stands above line 3, which looks like the header"),
        ("Teams of 2026\n\n" + GOOD.replace(",", ";"), 1, "it names no column that is known; remove what stands above"),
        ("Made by us, in May\n" + GOOD, 1, "it has 2 cells, and the lines below it have more"),
        ("#TYPE System.Management.Automation.PSCustomObject\n" + GOOD, 1, "export with -NoTypeInformation"),
        ('"#TYPE Selected.X"\n' + GOOD, 1, "export with -NoTypeInformation"),
        ("# a comment\n" + GOOD, 1, "can't be the header"),
        ("# a, comment, of three\n" + GOOD, 1, "remove what stands above line 2"),
        ("<!DOCTYPE html>\n<html>\n" + "<p>a,b</p>\n" * 50, 1, "the file is HTML or XML, not CSV"),
        ("  <HTML lang='en'><head>\n" + "a,b\n" * 50, 1, "the file is HTML or XML, not CSV"),
        ('[\n{"name": "a", "model": "b"},\n{"name": "b", "model": "c"}\n]\n', 1, "looks like JSON"),
        ('{"name": "a", "model": "b"}\n' * 50, 1, "looks like JSON"),
        ("sep=|\n" + GOOD.replace(",", "|"), 1, "not by '|'; save it with one of those, and without the line sep=|"),
        ('"sep=^"\n' + GOOD.replace(",", "^"), 1, "not by '^'"),
        (GOOD.replace(",", "|"), 1, "separated by comma, semicolon or tab, not by '|'"),
        ("111122223333,us-east-1,search\n" * 50, 1, "'111122223333' is a value; begin the file with the line that"),
    ],
)
async def test_a_first_line_that_is_no_header_is_one_problem(tmp_path: Path, text: str, line: int, said: str) -> None:
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert requests == []
    (problem,) = problems
    assert problem.line == line
    assert said in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "#,team,app\n1,a,b\n2,a,c\n",
        "team\nSearch; and docs\nb|c\n",
        "team,app\nsearch,model\nb,name\n",
        "<team>,b\nx,y\nz,y\n",
        "team,app\nx,y,\nx,z,,\n",
    ],
)
async def test_odd_headers_that_are_ones(tmp_path: Path, text: str) -> None:
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert problems == []
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("again", "said"),
    [
        ("name,team,app", "the header again; remove the line"),
        ("\ufeffName, TEAM ,app\u00a0", "the header again"),
        ('\ufeff"name","team","app"', "the header again"),
        ("name,team,app,,", "the header again"),
        ("app,team,name", "the header again, with its columns in another order; don't join the files"),
        ("na\u200bme,team,app", "the header again"),
        ("\uff4e\uff41\uff4d\uff45,team,app", "the header again"),
        ("name,team,env", "a header of other columns; don't join the files"),
        ("name,team,", "a header of other columns"),
        ("sep=;,,", "a sep= line among the rows"),
    ],
)
async def test_a_header_among_the_rows(tmp_path: Path, again: str, said: str) -> None:
    text = f"Name,team,app\na,b,c\n{again}\nname-b,team,app\n,name,app\n"
    requests, problems = await read_bytes(tmp_path, "a.csv", text)
    assert [row.line for row in requests] == [2, 4, 5]
    assert [problem.line for problem in problems] == [3]
    assert said in str(problems[0])


async def test_a_header_without_a_column_that_means_anything(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Kolumn,Andra\n" + "x,y\n" * 100)
    source = Source("a.csv", path)
    (problem,) = parse_csv(source, read_by_rules={"team", "app"})
    assert str(problem) == (
        "a.csv:1: no column of the first line is known: 'Kolumn', 'Andra'; begin the file with a header: "
        "name, model, description, account, region, tag:KEY, or what rules read (app, team)"
    )
    assert len(list(parse_csv(source, read_by_rules={"Andra"}))) == 100
    assert len(list(parse_csv(source))) == 100


async def test_a_known_column_may_not_be_empty_where_the_names_for_it_are_not(tmp_path: Path) -> None:
    text = "name,account,Account name\na,111122223333,prod\nb,,prod\nc,,\n"
    requests, (problem,) = await read_bytes(tmp_path, "a.csv", text)
    assert [row.name for row in requests] == ["a", "c"]
    assert str(problem).endswith(
        ":3: account: is empty, and the column 'Account name' beside it isn't; "
        "say it here, too, or rename that column: nothing is read from it"
    )
