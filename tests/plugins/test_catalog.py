"""The plugin `catalog`: files after each run that changed something."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import CatalogEntry, FinishedRun, GiveUpError, Outcome, OutcomeKind, PolicyRequest, Sink
from bulkprof.plugins.registry import Registry
from tests.catalog.making import NOVA, entry
from tests.factories import finished, make_outcomes, run_context

Load = Callable[..., Any]
NONE: tuple[CatalogEntry, ...] = ()


class Puts:
    """Takes objects as S3 does, or refuses them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.put: dict[str, dict[str, Any]] = {}
        self.error = error

    async def put_object(self, **arguments: Any) -> None:
        if self.error:
            raise self.error
        self.put[f"{arguments.pop('Bucket')}/{arguments.pop('Key')}"] = arguments

    @asynccontextmanager
    async def client(self, service: str, *, region: str | None = None) -> AsyncIterator[Puts]:
        assert (service, region) == ("s3", "eu-west-1")
        yield self


class RefusedError(Exception):
    """Shaped like botocore's ClientError."""

    def __init__(self, code: str) -> None:
        super().__init__("No.")
        self.response = {"Error": {"Code": code, "Message": "No."}}


def ended(
    *entries: CatalogEntry, gone: Sequence[CatalogEntry] = NONE, outcomes: Sequence[Outcome] | None = None
) -> FinishedRun:
    """Return a run that ended, with these profiles."""

    def batches(of: Sequence[CatalogEntry]) -> Callable[[], AsyncIterator[Sequence[CatalogEntry]]]:
        async def read() -> AsyncIterator[Sequence[CatalogEntry]]:
            for each in of:
                yield [each]

        return read

    run = finished(make_outcomes(1) if outcomes is None else outcomes)
    return replace(run, entries=batches(entries), gone=batches(gone))


def sink_of(load: Load, *files: dict[str, Any], client: Any = None, told: list[str] | None = None) -> Sink:
    plugin = load("catalog", files=list(files), region="eu-west-1")
    context = replace(run_context(client), warn=[].append if told is None else told.append)
    (sink,) = plugin.bulkprof_sinks(context)
    return sink  # type: ignore[no-any-return]


ENV = {"format": "env", "out": "{tag:Team}.env"}


async def test_files_and_objects(load: Load, tmp_path: Path) -> None:
    puts, told = Puts(), list[str]()
    out = {"format": "env", "out": "s3://bucket/{tag:Team}.env", "where": {"tag:Team": "x"}}
    sink = sink_of(load, {**ENV, "out": "a/{tag:Team}.env"}, out, client=puts.client, told=told)
    assert await sink.finish(ended(entry("one", 1, team="x"), entry("two", 2, team="y"))) is None
    text = f"BEDROCK_PROFILE_ONE={entry('one', 1).arn}\n"
    assert (tmp_path / "a/x.env").read_text() == text
    assert (tmp_path / "a/y.env").read_text().startswith("BEDROCK_PROFILE_TWO=")
    assert puts.put == {"bucket/x.env": {"Body": text.encode(), "ContentType": "text/plain; charset=utf-8"}}
    assert not told


def test_files_of_many_profiles_have_time(load: Load) -> None:
    assert sink_of(load, ENV).end_timeout_s == 300


@pytest.mark.parametrize("kind", [OutcomeKind.UNCHANGED, OutcomeKind.FAILED, OutcomeKind.SKIPPED])
async def test_a_run_that_changed_nothing_writes_nothing(load: Load, tmp_path: Path, kind: OutcomeKind) -> None:
    outcomes = [replace(make_outcomes(1)[0], kind=kind)]
    await sink_of(load, ENV).finish(ended(entry("one", team="x"), outcomes=outcomes))
    assert not (tmp_path / "x.env").exists()


async def test_a_run_in_the_sandbox_writes_objects_and_leaves_files(load: Load, tmp_path: Path) -> None:
    puts, told = Puts(), list[str]()
    (tmp_path / "x.env").write_text("BEDROCK_PROFILE_ONE=arn\n")
    sink = sink_of(load, ENV, {**ENV, "out": "s3://bucket/all.env"}, client=puts.client, told=told)
    run = ended(entry("one", team="x"), entry("two", 2, team="y"))
    await sink.finish(replace(run, summary=replace(run.summary, sandbox=True)))
    assert not (tmp_path / "y.env").exists()
    assert ((tmp_path / "x.env").read_text(), list(puts.put)) == ("BEDROCK_PROFILE_ONE=arn\n", ["bucket/all.env"])
    assert told == [
        "sink 'catalog': a run in the sandbox leaves files on this machine as they are, 2 here; "
        "bulkprof catalog --sandbox --out PATH writes what you want to see"
    ]


async def test_the_file_of_a_value_that_is_gone_is_emptied(load: Load, tmp_path: Path) -> None:
    (tmp_path / "y.env").write_text("BEDROCK_PROFILE_TWO=arn\n")
    await sink_of(load, ENV).finish(ended(entry("one", team="x"), gone=[entry("two", team="y")]))
    assert (tmp_path / "x.env").read_text().startswith("BEDROCK_PROFILE_ONE=")
    assert (tmp_path / "y.env").read_text() == ""


async def test_what_is_left_out_is_a_warning(load: Load, tmp_path: Path) -> None:
    told = list[str]()
    sink = sink_of(load, {"format": "claude-code", "out": "{tag:Team}.json"}, told=told)
    nova = [entry(f"n{number}", number, model_id=NOVA, team="x") for number in range(3)]
    await sink.finish(ended(*nova, entry("one", 9)))
    assert told == [
        f"sink 'catalog': claude-code in {tmp_path}/{{tag:Team}}.json: left out: 111122223333/us-east-1 one: has no "
        f"tag:Team to name a file of '{tmp_path}/{{tag:Team}}.json' by (and 3 more: bulkprof catalog lists them)"
    ]


async def test_a_file_that_can_not_be_written_leaves_the_others_be(load: Load, tmp_path: Path) -> None:
    (tmp_path / "x.env").mkdir()
    with pytest.raises(GiveUpError, match=r"x\.env: can't be written: Is a directory"):
        await sink_of(load, ENV).finish(ended(entry("one", team="x"), entry("two", team="y")))
    assert (tmp_path / "y.env").exists()


async def test_values_and_files_that_would_share_a_path(load: Load, tmp_path: Path) -> None:
    twins = [entry("one", 1, team="a/b"), entry("two", 2, team="a b")]
    with pytest.raises(GiveUpError, match="'a b' would both be"):
        await sink_of(load, ENV).finish(ended(*twins))
    files = [{"format": "env", "out": "x"}, {"format": "json", "out": "x"}]
    with pytest.raises(GiveUpError, match="/x: two of the files are to be written there"):
        await sink_of(load, *files).finish(ended(*twins))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "s3://bucket/x: AccessDenied: No.; allow s3:PutObject on it"),
        ("NoSuchBucket", "NoSuchBucket: No.; create the bucket, or correct `out` under [plugins.catalog]"),
        ("PermanentRedirect", "set `region` under [plugins.catalog] to the bucket's Region"),
        ("InternalError", "s3://bucket/x: InternalError: No."),
    ],
)
async def test_a_refusal_says_what_to_do(load: Load, code: str, message: str) -> None:
    sink = sink_of(load, {"format": "env", "out": "s3://bucket/x"}, client=Puts(RefusedError(code)).client)
    with pytest.raises(RuntimeError, match=re.escape(message)) as caught:
        await sink.finish(ended(entry("one")))
    # Another try may help, other than with a file.
    assert not isinstance(caught.value, GiveUpError)


async def test_a_folder_with_braces_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "{config}"
    folder.mkdir()
    plugin = Registry({"catalog": {"files": [{"format": "env", "out": "x"}]}}, folder).objects["catalog"]
    (sink,) = plugin.bulkprof_sinks(run_context(None))
    await sink.finish(ended(entry("one")))
    assert (folder / "x").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "plugins.catalog.files: Field required"),
        ({"files": []}, "plugins.catalog.files: "),
        ({"files": [{"format": "json"}]}, "plugins.catalog.files.0.out: Field required"),
        ({"files": [{"format": "json", "out": ""}]}, "plugins.catalog.files.0.out: "),
        ({"files": [{"format": "json", "out": "{team}"}]}, "'team' is no field; the fields are name, arn"),
        ({"files": [{"format": "json", "out": "x", "where": {"team": "a"}}]}, "'team' is no field; the fields are"),
    ],
)
def test_wrong_settings_are_named(load: Load, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        load("catalog", **settings)


def test_permissions_for_its_buckets(load: Load) -> None:
    plugin = load("catalog", files=[ENV, {"format": "json", "out": "s3://bucket/{tag:Team}/{region}.json"}])
    request = PolicyRequest("runner", "aws", "*", changes=True)
    assert plugin.bulkprof_permissions(request) == [
        {
            "Sid": "WriteCatalog",
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": ["arn:aws:s3:::bucket/*/*.json"],
        }
    ]
    assert plugin.bulkprof_permissions(replace(request, holder="member")) == []
    assert plugin.bulkprof_permissions(replace(request, changes=False)) == []
    assert load("catalog", files=[ENV]).bulkprof_permissions(request) == []
