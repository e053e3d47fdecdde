"""Manifests and config in S3, over HTTP against a sandbox: read once, recorded, and told when they can't be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import bulkprof
from bulkprof.errors import ExitCode, RunInterruptedError
from bulkprof.sandbox import Sandbox
from bulkprof.workflows.arguments import as_list
from tests.aws import wire
from tests.cli.driver import CONFIG, CommandLine
from tests.e2e.others import Others

BUCKET = "example-manifests"


class Bucket:
    """A bucket with what is put there."""

    def __init__(self, others: Others) -> None:
        self.s3: Any = others.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def put(self, key: str, *lines: str) -> str:
        """Write an object. Return its address."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body="".join(f"{line}\n" for line in lines).encode())
        return f"s3://{BUCKET}/{key}"

    def version(self, key: str) -> str:
        """What a run records of the object."""
        head = self.s3.head_object(Bucket=BUCKET, Key=key)
        return str(head.get("VersionId") or head["ETag"].strip('"'))


@pytest.fixture
def bucket(commands: CommandLine, sandbox: Sandbox, others: Others, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    commands.connect(sandbox)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Bucket(others)


def fetched(commands: CommandLine) -> dict[str, str]:
    """What the newest run recorded."""
    run_id = commands("runs", "--json").json()["runs"][0]["run_id"]
    found: dict[str, str] = commands("report", run_id, "--json").json()["fetched"]
    return found


def test_an_object_and_a_config(bucket: Bucket, commands: CommandLine, sandbox: Sandbox) -> None:
    bucket.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    uri = bucket.put("teams/All teams.CSV", "name", "search", "docs")
    config = bucket.put("bulkprof.toml", CONFIG)
    commands.folder.joinpath("bulkprof.toml").unlink()
    assert commands("validate", uri, "--config", config).code == 0
    assert commands.apply(uri, "--config", config) == {"created": 2}
    assert {profile.name for profile in sandbox.ledger().profiles} == {"search", "docs"}
    assert fetched(commands) == {uri: bucket.version("teams/All teams.CSV"), config: bucket.version("bulkprof.toml")}
    assert not list(commands.folder.glob("bulkprof-*"))


def test_a_folder_is_read_in_the_order_of_its_keys(bucket: Bucket, commands: CommandLine) -> None:
    bucket.put("org/")
    bucket.put("org/b.csv", "name", "same")
    first = bucket.put("org/a/deep.jsonl", '{"name": "same"}', '{"name": "bad one,"}')
    bucket.put("org/README.md", "no manifest")
    bucket.put("organization.csv", "name", "not below it")
    folder = f"s3://{BUCKET}/org/"
    ended = commands("validate", folder, "--json")
    assert ended.code == 65
    assert [(problem["file"], problem["line"]) for problem in ended.json()["problems"]] == [
        (first, 2),
        (f"s3://{BUCKET}/org/b.csv", 2),
    ]
    bucket.put("org/a/deep.jsonl", '{"name": "other"}')
    assert commands.apply(folder) == {"created": 2}
    assert fetched(commands) == {
        first: bucket.version("org/a/deep.jsonl"),
        f"s3://{BUCKET}/org/b.csv": bucket.version("org/b.csv"),
    }


async def test_rows_that_are_read_twice_are_fetched_once(bucket: Bucket) -> None:
    class Changes(bulkprof.Ui):
        def problem(self, problem: bulkprof.Problem) -> None:
            raise AssertionError(problem)

        def note(self, message: str) -> None:
            bucket.put("teams.csv", "name", "other", "another")

    uri = bucket.put("teams.csv", "name,unread", "search,a")
    options = bulkprof.Options(config=bulkprof.load_config("bulkprof.toml"), regions=["us-east-1"])
    assert (await bulkprof.plan(uri, options, Changes())).desired == 1
    # Another run reads what is there by then.
    assert (await bulkprof.plan(uri, options)).desired == 2


@pytest.mark.parametrize("command", [["validate"], ["plan", "--sandbox"]])
def test_the_same_manifest_by_two_ways(bucket: Bucket, commands: CommandLine, command: list[str]) -> None:
    uri = bucket.put("org/a.csv", "name", "search")
    local = commands.manifest("docs")
    ended = commands(*command, local, uri, f"s3://{BUCKET}/org/")
    assert ended.code == 65
    assert f"{uri}: is given twice; name each manifest once" in ended.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"s3://{BUCKET}/absent.csv", "there is no such object; check its key, or end a folder's in a slash"),
        (f"s3://{BUCKET}/absent/", "no object below it is a manifest (.csv, "),
        (f"s3://{BUCKET}/docs/", "no object below it is a manifest (.csv, "),
        ("s3://example-absent/teams.csv", "there is no bucket 'example-absent'; correct the address, or create it"),
        ("s3://example-absent/teams/", "there is no bucket 'example-absent'; correct the address, or create it"),
        (f"s3://{BUCKET}", "write it as s3://bucket/key, with a bucket's name and an object's key; a folder's address"),
        ("s3://No_Bucket/", "write it as s3://bucket/prefix/"),
        (f"s3://{BUCKET}/docs/read.me", "bulkprof can't read files ending in .me"),
    ],
)
def test_what_can_not_be_fetched_is_one_line(bucket: Bucket, commands: CommandLine, address: str, said: str) -> None:
    bucket.put("docs/read.me", "hello")
    ended = commands("validate", address)
    assert ended.code in (1, 65)
    (line,) = (line for line in ended.err.splitlines() if said in line)
    assert address in line


def test_the_sandbox_of_a_command_has_no_objects(commands: CommandLine) -> None:
    ended = commands("plan", "s3://example-absent/teams.csv", "--sandbox")
    assert ended.code == 1
    assert "there is no bucket 'example-absent'" in ended.err
    assert "the sandbox of --sandbox begins without objects: to read some, start `bulkprof sandbox`" in ended.err


def test_a_report_names_what_was_read(bucket: Bucket, commands: CommandLine) -> None:
    uri = bucket.put("teams.csv", "name", "search")
    assert commands("plan", uri, "--out", "kept.db").code == 0
    line = f"read from {uri}, version {bucket.version('teams.csv')}"
    assert line in commands("report", "kept.db").err
    commands.apply("kept.db")
    assert line in commands("report", commands("runs", "--json").json()["runs"][0]["run_id"]).err


def test_an_address_is_a_string() -> None:
    with pytest.raises(TypeError, match="write an address in S3 as a string, since a Path keeps one slash of two"):
        as_list(Path("s3://example/teams.csv"))


@pytest.mark.parametrize(
    ("flags", "config", "said"),
    [
        (
            [],
            '[plugins.mine]\npath = "mine.py"\n',
            "plugins.mine.path: 'mine.py' would be beside the config",
        ),
        ([], "[runn]\n", "runn: is not a known key; did you mean run?"),
        (["--sandbox"], "", "a sandbox that starts with this command has no object yet; use a local config, or start"),
    ],
)
def test_configs_that_can_not_be_used(
    bucket: Bucket, commands: CommandLine, flags: list[str], config: str, said: str
) -> None:
    uri = bucket.put("bulkprof.toml", config)
    ended = commands("plan", commands.manifest("search"), "--config", uri, *flags)
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.startswith(f"error: {uri}: {said}")


async def test_a_config_is_read_within_a_program_with_a_loop(bucket: Bucket) -> None:
    uri = bucket.put("bulkprof.toml", 'estate = "far"')
    assert bulkprof.load_config(uri).settings.estate == "far"


def test_relative_paths_start_in_the_working_directory(bucket: Bucket, commands: CommandLine) -> None:
    commands.write("centers.csv", "team,center\nsearch,CC-1\n")
    lookup = '[[plugins.tags.lookup]]\nfile = "centers.csv"\nby = "team"\ntags = { CostCenter = "center" }\n'
    uri = bucket.put("bulkprof.toml", CONFIG + lookup)
    assert commands("validate", commands.manifest("a,search", header="name,team"), "--config", uri).code == 0


async def test_a_stop_waits_for_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = bulkprof.Stop()

    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stop.request(ExitCode.INTERRUPTED)
        await wire.stalling(reader, writer)

    async with wire.serving(stalling) as port:
        for name, value in wire.environment(port).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(RunInterruptedError):
            await bulkprof.validate("s3://example/teams.csv", stop=stop)
