"""The S3 plugin, against the sandbox's S3 over HTTP, and against refusals that no sandbox gives."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aioboto3
import pytest

from bulkprof.errors import PluginError
from bulkprof.plugins import RESULT_COLUMNS, FinishedRun, Sink, outcome_record
from bulkprof.sandbox import Sandbox
from tests.factories import finished, make_outcomes, run_context

Load = Callable[..., Any]
BUCKET = "example-reports"
PREFIX = "bulkprof/2026-03-01/run-1/"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Callable[..., AbstractAsyncContextManager[Any]]:
    session = aioboto3.Session("AKIASANDBOXSANDBOX00", "sandbox", region_name="us-east-1")

    def make(service: str, *, region: str | None = None) -> Any:
        return session.client(service, region_name=region, endpoint_url=sandbox.url)

    return make


@pytest.fixture
async def bucket(client: Callable[..., Any]) -> str:
    async with client("s3") as s3:
        await s3.create_bucket(Bucket=BUCKET)
    return BUCKET


async def read(client: Callable[..., Any], key: str) -> tuple[str, dict[str, Any]]:
    async with client("s3") as s3:
        answer = await s3.get_object(Bucket=BUCKET, Key=key)
        return (await answer["Body"].read()).decode(), answer


def sink_of(plugin: Any, client: Any) -> Sink:
    (sink,) = plugin.bulkprof_sinks(run_context(client))
    return sink


async def test_json_lines_the_summary_and_the_report_are_put(
    load: Load, client: Callable[..., Any], bucket: str
) -> None:
    outcomes = make_outcomes(7, failed=1)
    run = finished(outcomes)
    assert await sink_of(load("s3", bucket=bucket), client).finish(run) == f"s3://{BUCKET}/{PREFIX}report.html"
    text, answer = await read(client, f"{PREFIX}results.jsonl")
    assert [json.loads(line) for line in text.splitlines()] == [outcome_record(outcome) for outcome in outcomes]
    assert answer["ContentType"] == "application/x-ndjson"
    summary, answer = await read(client, f"{PREFIX}summary.json")
    assert json.loads(summary) == run.summary.as_json()
    assert answer["ContentType"] == "application/json"
    page, answer = await read(client, f"{PREFIX}report.html")
    assert page == await run.html()
    assert answer["ContentType"] == "text/html; charset=utf-8"


async def test_csv_under_another_prefix_with_encryption(load: Load, client: Callable[..., Any], bucket: str) -> None:
    plugin = load(
        "s3", bucket=bucket, format="csv", prefix="{estate}/{command}-", sse="aws:kms", kms_key_id="alias/reports",
        storage_class="STANDARD_IA",
    )  # fmt: skip
    assert (
        await sink_of(plugin, client).finish(finished(make_outcomes(2))) == f"s3://{BUCKET}/example/apply-report.html"
    )
    text, answer = await read(client, "example/apply-results.csv")
    rows = list(csv.DictReader(text.splitlines()))
    assert tuple(rows[0]) == RESULT_COLUMNS
    assert [row["name"] for row in rows] == ["search-1", "search-2"]
    assert json.loads(rows[0]["tags"]) == {"Team": "Search, Zürich"}
    assert answer["ServerSideEncryption"] == "aws:kms"
    assert answer["SSEKMSKeyId"].endswith("alias/reports")
    assert answer["StorageClass"] == "STANDARD_IA"


async def test_without_a_report_the_link_is_that_of_the_results(
    load: Load, client: Callable[..., Any], bucket: str
) -> None:
    sink = sink_of(load("s3", bucket=bucket, prefix="plain/", report=False), client)
    assert await sink.finish(finished(make_outcomes(1))) == f"s3://{BUCKET}/plain/results.jsonl"
    async with client("s3") as s3:
        listed = await s3.list_objects_v2(Bucket=BUCKET, Prefix="plain/")
    assert [each["Key"] for each in listed["Contents"]] == ["plain/results.jsonl", "plain/summary.json"]


async def test_the_link_may_be_one_that_people_can_open(load: Load, client: Callable[..., Any], bucket: str) -> None:
    plugin = load("s3", bucket=bucket, prefix="{run_id}/a b/", report_url="https://reports.example.com/{key}")
    link = await sink_of(plugin, client).finish(finished(make_outcomes(1)))
    assert link == "https://reports.example.com/run-1/a%20b/report.html"


async def test_a_run_that_is_made_by_hand_has_no_page() -> None:
    run = FinishedRun(finished([]).summary, finished([]).outcomes, {})
    with pytest.raises(RuntimeError, match="belongs to no run"):
        await run.html()


async def test_delivering_again_gives_the_same_objects(load: Load, client: Callable[..., Any], bucket: str) -> None:
    sink = sink_of(load("s3", bucket=bucket, prefix="again/"), client)
    run = finished(make_outcomes(4))
    await sink.finish(run)
    first, _ = await read(client, "again/results.jsonl")
    await sink.finish(run)
    assert (await read(client, "again/results.jsonl"))[0] == first


def test_objects_of_many_rows_have_time(load: Load, client: Callable[..., Any], bucket: str) -> None:
    assert sink_of(load("s3", bucket=bucket), client).end_timeout_s == 300


async def test_big_results_arrive_whole(load: Load, client: Callable[..., Any], bucket: str) -> None:
    # Over 10 MB: warnings are errors here, and aiohttp warns when that much is handed to it as bytes.
    await sink_of(load("s3", bucket=bucket, prefix="big/"), client).finish(finished(make_outcomes(30_000), batch=5_000))
    text, answer = await read(client, "big/results.jsonl")
    assert text.count("\n") == 30_000
    assert answer["ContentLength"] > 10_000_000


async def test_a_missing_bucket_is_named(load: Load, client: Callable[..., Any]) -> None:
    sink = sink_of(load("s3", bucket="example-missing"), client)
    with pytest.raises(RuntimeError, match="NoSuchBucket") as caught:
        await sink.finish(finished([]))
    message = str(caught.value)
    assert message.startswith(f"s3://example-missing/{PREFIX}results.jsonl: NoSuchBucket: ")
    assert "create the bucket, or correct `bucket` under [plugins.s3]" in message


class RefusedError(Exception):
    """Shaped like botocore's ClientError."""

    def __init__(self, code: str, message: str = "No.", *, headers: dict[str, str] | None = None, **error: str) -> None:
        super().__init__(message)
        self.response = {
            "Error": {"Code": code, "Message": message, **error},
            "ResponseMetadata": {"HTTPHeaders": headers or {}},
        }


def refusing(error: Exception) -> Any:
    class Client:
        async def put_object(self, **arguments: Any) -> None:
            raise error

    @asynccontextmanager
    async def client(service: str, *, region: str | None = None) -> AsyncIterator[Client]:
        assert service == "s3"
        yield Client()

    return client


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (RefusedError("AccessDenied"), "AccessDenied: No.; allow s3:PutObject on it to the credentials of the run"),
        (
            RefusedError("AccessDenied", "not authorized, with an explicit deny in a resource-based policy"),
            "takes encrypted objects only (set `sse`, and `kms_key_id` if it names a key, under [plugins.s3])",
        ),
        (RefusedError("301", headers={"x-amz-bucket-region": "eu-west-1"}), "set `region` under [plugins.s3] to eu-w"),
        (RefusedError("AuthorizationHeaderMalformed", Region="eu-north-1"), "isn't in the default Region: set"),
        (RefusedError("KMS.DisabledException"), "check `kms_key_id` under [plugins.s3] and the key's policy"),
        (RefusedError("ExpiredToken"), "renew the credentials"),
        (RefusedError("InternalError"), "results.jsonl: InternalError: No."),
        (OSError("unplugged"), "results.jsonl: OSError: unplugged"),
    ],
)  # fmt: skip
async def test_a_refusal_says_what_to_do(load: Load, error: Exception, advice: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(advice)) as caught:
        await sink_of(load("s3", bucket=BUCKET), refusing(error)).finish(finished(make_outcomes(1)))
    assert f"s3://{BUCKET}/{PREFIX}" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "plugins.s3.bucket: Field required"),
        ({"prefix": "{today}/"}, "plugins.s3.prefix: {today} can't be used; the fields are command, date, estate"),
        ({"prefix": "{run_id.x}/"}, "{run_id.x} can't be used"),
        ({"prefix": "{run_id:>9}/"}, "{run_id} can't be used"),
        ({"prefix": "{/"}, "plugins.s3.prefix: "),
        ({"prefix": "/x"}, "must not begin with '/'"),
        ({"kms_key_id": "k"}, '`kms_key_id` needs `sse = "aws:kms"`'),
        ({"report_url": "http://example.com/{key}"}, "plugins.s3.report_url: "),
        ({"report_url": "https://example.com/{run_id}"}, "plugins.s3.report_url: {run_id} can't be used"),
        ({"report_url": "https://example.com/"}, "needs {key}, which stands for the report's key in the bucket"),
        ({"report_url": "https://example.com/{key}", "report": False}, "`report_url` needs `report = true`"),
        ({"format": "xml"}, "plugins.s3.format: Input should be 'jsonl' or 'csv'"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(load: Load, settings: dict[str, Any], message: str) -> None:
    bucket = {"bucket": BUCKET} if settings else {}
    with pytest.raises(PluginError, match=re.escape(message)):
        load("s3", **bucket, **settings)
