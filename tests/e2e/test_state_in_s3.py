"""`[state] s3`: two runners with a disk each, and one place in S3, over HTTP against a sandbox."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

import bulkprof
from bulkprof.sandbox import Hypotheses, Rate, Sandbox
from bulkprof.sandbox.services.moto_bridge import MotoBridge
from bulkprof.sandbox.wire import Call, Response, s3_error
from bulkprof.workflows.steps.remote import keeping
from tests.cli.driver import PATIENCE_S, CommandLine, outcomes_of, until
from tests.e2e.others import OURS, Others

BUCKET = "example-state"
PREFIX = f"s3://{BUCKET}/bulkprof/"
STATE = f'[state]\ns3 = "{PREFIX}"\n'
LOCK = f'[lock]\ns3 = "{PREFIX}lock"\n'
ONE, TWO, THREE = (("--state-dir", name) for name in ("one", "two", "three"))
RATES = "bulkprof/rates.json"


class Bucket:
    """The bucket that both runners share, and what goes wrong with it."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s3: Any = Others(sandbox).client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.calls: list[tuple[str, str]] = []
        """Method and what is asked for, of each call of S3."""
        self.written: Callable[[], object] = lambda: None
        """Is called at the first write to a silent bucket."""
        self.strike: Callable[[Call], Response | None] = lambda _: None
        answer = MotoBridge.handle

        def handle(bridge: MotoBridge, call: Call) -> Response:
            if call.path.startswith(f"/{BUCKET}"):
                self.calls.append((call.method, call.path.removeprefix(f"/{BUCKET}").lstrip("/")))
                if (struck := self.strike(call)) is not None:
                    return struck
            return answer(bridge, call)

        monkeypatch.setattr(MotoBridge, "handle", handle)

    @contextmanager
    def refusing(self, method: str, part: str, *, code: str = "AccessDenied", status: int = 403) -> Iterator[None]:
        """Let calls of a method fail whose address holds `part`."""

        def strike(call: Call) -> Response | None:
            where = f"{call.path}?{call.query_string}"
            return s3_error(code, "Not today", status=status) if call.method == method and part in where else None

        self.strike = strike
        try:
            yield
        finally:
            self.strike = lambda _: None

    def objects(self) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def runs(self) -> list[str]:
        return [key for key in self.objects() if key.startswith("bulkprof/runs/")]

    def read(self) -> list[str]:
        """The runs that were read, or asked about."""
        return [what for method, what in self.calls if method == "GET" and "/runs/" in what]

    def key(self, run_id: str) -> str:
        return f"bulkprof/runs/tests/{run_id}.db"

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def age(self, days: float) -> None:
        """Make all that is there older."""
        from moto.s3.models import s3_backends

        for key in s3_backends["123456789012"]["aws"].buckets[BUCKET].keys.values():
            key.last_modified -= timedelta(days=days)

    def take_the_lock_of_the_dead(self) -> None:
        """A lock expires some time after its holder has died."""
        self.s3.delete_object(Bucket=BUCKET, Key="bulkprof/lock")


@pytest.fixture
def bucket(commands: CommandLine, sandbox: Sandbox) -> Bucket:
    commands.config(STATE + LOCK)
    commands.monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Bucket(sandbox, commands.monkeypatch)


def listed(commands: CommandLine, *flags: str) -> list[str]:
    return [row["run_id"] for row in commands("runs", "--json", *flags).json()["runs"]]


# The way there and back


def test_the_next_runner_knows_what_the_last_one_left(commands: CommandLine, bucket: Bucket) -> None:
    teams = commands.manifest("search", "docs")
    first = commands.summary("sync", teams, *ONE)
    assert outcomes_of(first) == {"created": 2}
    assert bucket.objects() == [RATES, bucket.key(first["run_id"])]
    # A failure that is as before is told from a new one by the last run, which only the bucket has.
    commands.manifest("search", "docs", "bad!", header="name")
    ended = commands("sync", teams, "--yes", "--json", "--skip-invalid", *TWO)
    assert ended.code == 3, ended.err
    second = ended.json()["run_id"]
    assert listed(commands, *THREE) == [second, first["run_id"]]
    assert commands("runs", "--json", *THREE).json() == commands("runs", "--json", *TWO).json()
    # Listing fetches no run.
    assert not list(commands.folder.glob("three/runs/*.db"))
    report = commands("report", first["run_id"], "--json", *THREE)
    assert report.json()["outcomes"]["created"] == 2
    assert report.err == ""
    catalog = commands("catalog", "--state-dir", "four")
    assert (catalog.code, catalog.err) == (0, "")
    assert catalog.out.count("application-inference-profile") == 2


def test_what_is_new_since_the_last_run_is_known_elsewhere(
    commands: CommandLine, bucket: Bucket, sandbox: Sandbox
) -> None:
    teams = commands.manifest("search")
    sandbox.set_denied(actions={"bedrock:CreateInferenceProfile"})
    first = commands.summary("apply", teams, *ONE, code=3)["run_id"]
    sandbox.set_denied(actions=set())
    ended = commands("apply", teams, "--yes", *TWO)
    assert f"failures since run {first}: 0 new, 1 gone, 0 as before" in ended.err + ended.out


def learned_before(commands: CommandLine) -> None:
    """What an earlier run of the first runner learned: whether this one is throttled is up to the machine."""
    commands.folder.joinpath("one").mkdir(mode=0o700)
    rate = {"per_second": 40.0, "burst": 5.0, "at": time.time()}
    commands.write("one/rates.json", json.dumps({"123456789012/us-east-1/CreateInferenceProfile": rate}))


def test_what_pacers_learned_goes_along(commands: CommandLine, bucket: Bucket) -> None:
    learned_before(commands)
    commands.apply(commands.manifest("search"), *ONE)
    learned = commands.folder.joinpath("one/rates.json").read_bytes()
    assert b"CreateInferenceProfile" in learned
    assert bucket.body(RATES) == learned
    assert commands("plan", "teams.csv", *TWO).code == 0
    assert json.loads(commands.folder.joinpath("two/rates.json").read_bytes()) == json.loads(learned)


def test_rates_that_others_write_meanwhile_are_merged(commands: CommandLine, bucket: Bucket) -> None:
    learned_before(commands)
    other = b'{"444455556666/eu-west-1/ListInferenceProfiles": {"per_second": 9.0, "burst": 3.0, "at": 9e9}}'
    written: list[Call] = []

    def meanwhile(call: Call) -> Response | None:
        if call.method == "PUT" and RATES in call.path and not written:
            written.append(call)
            bucket.put(RATES, other)
        return None

    bucket.strike = meanwhile
    ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert (ended.code, "warning" in ended.err) == (0, False)
    merged = bucket.body(RATES)
    assert b"444455556666/eu-west-1" in merged
    assert b"CreateInferenceProfile" in merged


def test_rates_that_others_keep_writing_stay_here(commands: CommandLine, bucket: Bucket) -> None:
    with bucket.refusing("PUT", RATES, code="PreconditionFailed", status=412):
        ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert ended.code == 0
    assert f"{PREFIX}rates.json: others keep writing it, so what was learned stays on this disk" in ended.err


def test_a_sandbox_of_its_own_touches_no_bucket(commands: CommandLine, bucket: Bucket) -> None:
    assert commands("sync", commands.manifest("search"), "--yes", "--sandbox", *ONE).code == 0
    assert bucket.calls == []


# A run that goes on elsewhere


@contextmanager
def killed_midway(commands: CommandLine, sandbox: Sandbox, *arguments: str) -> Iterator[int]:
    """Run a command in a process of its own, killed as soon as it has made something."""
    with commands.started(*arguments) as process:
        until(lambda: len(sandbox.ledger().profiles) >= 3)
        process.kill()
    yield len(sandbox.ledger().profiles)


def test_a_killed_run_goes_on_elsewhere_with_each_profile_once(
    commands: CommandLine, bucket: Bucket, sandbox: Sandbox
) -> None:
    rows = [f"row-{number}" for number in range(12)]
    # Names don't help, and tokens are forgotten: only what the lists show, once they do, tells what was made.
    sandbox.set_hypotheses(Hypotheses(unique_names=False, token_memory_s=0, list_lag_s=0.3))
    commands.config(STATE + LOCK, base=CONFIG_THAT_SETTLES)
    sandbox.set_rate(Rate(8, 4), operation="CreateInferenceProfile")
    with killed_midway(commands, sandbox, "apply", commands.manifest(*rows), "--yes", *ONE) as made:
        assert 0 < made < 12
    (key,) = bucket.runs()
    sandbox.set_rate(Rate(1000, 1000), operation="CreateInferenceProfile")
    assert "another run of estate 'tests' is at work" in commands("resume", "--yes", *TWO).err
    bucket.take_the_lock_of_the_dead()
    summary = commands.summary("resume", *TWO)
    assert bucket.key(summary["run_id"]) == key
    assert outcomes_of(summary) == {"created": 12}
    assert sorted(profile.name for profile in sandbox.ledger().profiles) == sorted(rows)
    # The first runner sees that its run has ended elsewhere.
    ended = commands("resume", "--yes", *ONE)
    assert (ended.code, "no interrupted run" in ended.err) == (64, True)
    assert commands("report", "--json", *ONE).json()["outcomes"]["created"] == 12


CONFIG_THAT_SETTLES = """\
estate = "tests"
[defaults]
model = "amazon.nova-lite-v1:0"
region = "us-east-1"
[run]
settle_s = 0.5
"""


def test_a_file_from_before_the_first_change_supposes_that_all_was_sent(
    commands: CommandLine, bucket: Bucket, sandbox: Sandbox
) -> None:
    made: list[int] = []

    def only_the_first(call: Call) -> Response | None:
        if call.method != "PUT" or "/runs/" not in call.path:
            return None
        made.append(len(sandbox.ledger().profiles))
        return s3_error("InternalError", "Not today", status=500) if len(made) > 1 else None

    # As the runner would have left it, had it been killed.
    bucket.strike = only_the_first
    run_id = commands.summary("apply", commands.manifest("search", "docs"), *ONE)["run_id"]
    assert made[:2] == [0, 2]
    bucket.strike = lambda _: None
    stale = commands.folder / "stale.db"
    stale.write_bytes(bucket.body(bucket.key(run_id)))
    with closing(sqlite3.connect(stale)) as db:
        assert db.execute("SELECT begun FROM target").fetchall() == [(2,)]
        assert db.execute("SELECT count(*) FROM outcome").fetchall() == [(0,)]
        assert db.execute("SELECT value FROM meta WHERE key = 'alive'").fetchall() == [("null",)]
    assert outcomes_of(commands.summary("resume", run_id, *TWO)) == {"created": 2}
    assert len(sandbox.ledger().profiles) == 2


def test_of_two_runners_that_apply_one_plan_one_does(commands: CommandLine, bucket: Bucket) -> None:
    assert commands("plan", commands.manifest("search"), "--out", "kept.db", *ONE).code == 0
    run_id = commands.summary("apply", "kept.db", *ONE)["run_id"]
    ended = commands("apply", "kept.db", "--yes", *TWO)
    assert (ended.code, f"was applied already as run {run_id}" in ended.err) == (64, True)


def test_a_run_that_was_taken_up_meanwhile_changes_nothing(
    commands: CommandLine, bucket: Bucket, sandbox: Sandbox
) -> None:
    assert commands("plan", commands.manifest("search"), "--out", "kept.db", *ONE).code == 0

    def meanwhile(call: Call) -> Response | None:
        if call.method == "PUT" and "/runs/" in call.path:
            bucket.strike = lambda _: None
            bucket.put(call.path.removeprefix(f"/{BUCKET}/"), b"another runner's")
        return None

    bucket.strike = meanwhile
    ended = commands("apply", "kept.db", "--yes", *TWO)
    assert ended.code == 5
    assert "another runner has taken up run" in ended.err
    assert not sandbox.ledger().profiles


# What goes wrong costs a warning


@pytest.mark.parametrize("key", ["runs", "rates"])
def test_an_object_that_can_not_be_read_is_one_warning(commands: CommandLine, bucket: Bucket, key: str) -> None:
    teams = commands.manifest("search")
    run_id = commands.summary("apply", teams, *ONE)["run_id"]
    bucket.put(bucket.key(run_id) if key == "runs" else RATES, b"not what was written")
    ended = commands("apply", teams, "--yes", *TWO)
    assert ended.code == 0
    (line,) = (line for line in ended.err.splitlines() if "warning" in line)
    if key == "runs":
        assert f"run {run_id} is left out, since it can't be had from S3: " in line
    else:
        assert f"{PREFIX}rates.json: learned rates can't be read, starting cold" in line
        assert bucket.body(RATES).startswith(b"{")


@pytest.fixture
def silent(bucket: Bucket, commands: CommandLine) -> Iterator[Bucket]:
    """A bucket that answers nothing that is written, and waits for little."""
    commands.config(STATE)
    commands.monkeypatch.setattr(keeping, "WAIT_AT_STOP_S", 0.1)
    over = threading.Event()

    def strike(call: Call) -> Response | None:
        if call.method == "PUT":
            written, bucket.written = bucket.written, lambda: None
            written()
            over.wait(PATIENCE_S)
        return None

    bucket.strike = strike
    yield bucket
    over.set()


class Hearing(bulkprof.Ui):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    async def confirm(self, plan: bulkprof.Plan) -> bool:
        return True


async def test_a_stop_waits_for_a_silent_bucket_only_once(commands: CommandLine, silent: Bucket) -> None:
    stop, loop, ui = bulkprof.Stop(), asyncio.get_running_loop(), Hearing()
    silent.written = lambda: loop.call_soon_threadsafe(stop.request)
    options = bulkprof.Options(config=bulkprof.load_config())
    summary = await bulkprof.apply(commands.manifest("search"), options, ui, stop)
    assert summary.exit_code == bulkprof.ExitCode.INTERRUPTED
    # Neither the run at its end nor the rates are tried after that.
    assert [method for method, _ in silent.calls].count("PUT") == 1
    (told,) = (each for each in ui.warnings if "nothing keeps two of them apart" not in each)
    assert told == f"{PREFIX}: the run stops; run {summary.run_id} is kept on this disk only as it is now"


async def test_a_cancelled_run_waits_no_longer_than_a_stopped_one(commands: CommandLine, silent: Bucket) -> None:
    loop, ui = asyncio.get_running_loop(), Hearing()
    options = bulkprof.Options(config=bulkprof.load_config())
    task = asyncio.ensure_future(bulkprof.apply(commands.manifest("search"), options, ui))
    silent.written = lambda: loop.call_soon_threadsafe(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ui.warnings[-1] == f"{PREFIX}: the run stops; what was learned stays on this disk"


@pytest.mark.parametrize("mark", [b"", b"\xff\xfe", None], ids=["empty", "damaged", "folder"])
def test_a_file_whose_mark_is_damaged_is_fetched_again(
    commands: CommandLine, bucket: Bucket, mark: bytes | None
) -> None:
    run_id = commands.summary("apply", commands.manifest("search"), *ONE)["run_id"]
    beside = commands.folder / "one" / "runs" / f"{run_id}.db-s3"
    beside.unlink()
    if mark is None:
        beside.mkdir()
    else:
        beside.write_bytes(mark)
    ended = commands("report", run_id, "--json", *ONE)
    assert ended.code == 0, ended.err
    assert bucket.read()


@pytest.mark.parametrize(
    ("method", "part", "said"),
    [
        ("GET", "list-type", "[state] s3 is left aside, and only what is on this disk counts: "),
        ("GET", "rates.json", "what is kept there wasn't all taken up"),
        ("PUT", "rates.json", "what was learned stays on this disk"),
        ("PUT", "/runs/", "is kept on this disk only as it is now"),
    ],
)
def test_without_permission_the_run_goes_on(
    commands: CommandLine, bucket: Bucket, sandbox: Sandbox, method: str, part: str, said: str
) -> None:
    with bucket.refusing(method, part):
        ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert ended.code == 0, ended.err
    assert said in " ".join(ended.err.split())
    assert "[state] s3 needs s3:GetObject, s3:PutObject and s3:DeleteObject" in " ".join(ended.err.split())
    assert len(sandbox.ledger().profiles) == 1


def test_a_missing_bucket_is_told_with_what_to_do(commands: CommandLine, sandbox: Sandbox) -> None:
    commands.config('[state]\ns3 = "s3://example-absent/x/"\n')
    ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert ended.code == 0
    told = " ".join(ended.err.split())
    assert "there is no bucket 'example-absent'; create it, or correct `s3` in [state]" in told
    assert told.count("example-absent") == 2
    assert "nothing keeps two of them apart: set `s3` in [lock], too" in told
    assert commands("runs", *ONE).code == 0


def test_a_config_that_can_not_be_read_hides_no_run(commands: CommandLine, bucket: Bucket) -> None:
    run_id = commands.summary("apply", commands.manifest("search"), *ONE)["run_id"]
    commands.config("[runn]\n")
    for command in ("runs", "report"):
        ended = commands(command, *ONE)
        assert (ended.code, run_id in ended.out + ended.err) == (0, True)
        assert "only runs on this disk are looked at: " in ended.err


@pytest.mark.parametrize("uri", ["example-state/x", "s3://No/x"])
def test_an_address_that_is_none_is_refused(commands: CommandLine, uri: str) -> None:
    commands.config(f'[state]\ns3 = "{uri}"\n')
    ended = commands("plan", commands.manifest("search"), *ONE)
    assert (ended.code, "state.s3" in ended.err, "write it as s3://bucket/prefix/" in ended.err) == (1, True, True)


def test_a_run_whose_upload_fails_keeps_its_exit_code(commands: CommandLine, bucket: Bucket, sandbox: Sandbox) -> None:
    sandbox.set_denied(actions={"bedrock:CreateInferenceProfile"})
    with bucket.refusing("PUT", "/runs/", code="InternalError", status=500):
        ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert ended.code == 3
    assert bucket.runs() == []
    assert listed(commands, *TWO) == []
    # The next run of this disk doesn't make up for it, but a redelivery or a resume would.
    assert len(listed(commands, *ONE)) == 1


def test_an_error_in_the_midst_goes_there_too(commands: CommandLine, bucket: Bucket, sandbox: Sandbox) -> None:
    from bulkprof.engine.engine import Engine

    async def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    commands.monkeypatch.setattr(Engine, "execute", broken)
    ended = commands("apply", commands.manifest("search"), "--yes", *ONE)
    assert ended.code == 1
    (row,) = commands("runs", "--json", *TWO).json()["runs"]
    assert row["status"] == "interrupted"


# How much is read, and what is forgotten


def test_a_start_reads_one_run_however_many_there_are(commands: CommandLine, bucket: Bucket) -> None:
    teams = commands.manifest("search")
    run_id = commands.summary("apply", teams, *ONE)["run_id"]
    stored = bucket.s3.get_object(Bucket=BUCKET, Key=bucket.key(run_id))
    body, metadata = stored["Body"].read(), stored["Metadata"]
    for number in range(40):
        older = bucket.key(f"20200101T000000Z-{number:09x}")
        bucket.s3.put_object(Bucket=BUCKET, Key=older, Body=body, Metadata=metadata)
    bucket.age(1)
    newest = commands.summary("apply", teams, *ONE)["run_id"]
    bucket.age(1)
    bucket.calls.clear()
    ended = commands("apply", teams, "--yes", *TWO)
    assert (ended.code, "warning" in ended.err) == (0, False)
    assert bucket.read() == [bucket.key(newest)]
    assert len([what for method, what in bucket.calls if method == "GET" and not what]) == 1
    bucket.calls.clear()
    assert len(listed(commands, *THREE)) == 43
    # A byte of each.
    assert len(bucket.read()) == 43
    assert not list(commands.folder.glob("three/runs/*"))


def test_a_run_that_nothing_is_told_of_is_listed(commands: CommandLine, bucket: Bucket) -> None:
    run_id = commands.summary("apply", commands.manifest("search"), *ONE)["run_id"]
    # Copied by a tool that leaves the metadata behind.
    bucket.put(bucket.key(run_id), bucket.body(bucket.key(run_id)))
    (row,) = commands("runs", "--json", *TWO).json()["runs"]
    assert (row["run_id"], row["status"]) == (
        run_id,
        "is in S3, with nothing that tells of it; `bulkprof report` fetches it",
    )
    assert commands("report", run_id, "--json", *TWO).json()["run_id"] == run_id


def test_old_runs_are_forgotten_there_too(commands: CommandLine, bucket: Bucket) -> None:
    teams = commands.manifest("search")
    ids = [commands.summary("apply", teams, *ONE)["run_id"] for _ in range(3)]
    dry = commands("runs", "prune", "--keep", "1", "--dry-run", "--json", *TWO).json()
    assert dry["forgotten"] == []
    assert set(dry["kept"].values()) == {"was at work within the last hour"}
    bucket.age(1)
    with bucket.refusing("DELETE", "/runs/"):
        assert "old runs stay in S3: " in commands("runs", "prune", "--keep", "1", *TWO).err
    with bucket.refusing("GET", "/runs/"):
        assert "not all runs in S3 can be told of: " in commands("runs", *TWO).err
    pruned = commands("runs", "prune", "--keep", "1", "--json", *TWO).json()
    assert pruned["forgotten"] == [ids[1], ids[0]]
    assert bucket.runs() == [bucket.key(ids[2])]
    assert listed(commands, *TWO) == ids[2:]


def test_the_last_run_of_the_estate_stays_there(commands: CommandLine, bucket: Bucket) -> None:
    """Newer ones may be of another estate, on this disk alone, or not have come to their end."""
    last = commands.summary("apply", commands.manifest("search"), *ONE)["run_id"]
    commands.write("other.toml", commands.folder.joinpath("bulkprof.toml").read_text().replace('"tests"', '"other"'))
    commands.apply(commands.manifest("docs"), "--config", "other.toml", *TWO)
    bucket.age(1)
    pruned = commands("runs", "prune", "--keep", "1", "--json", *TWO).json()
    assert pruned["forgotten"] == []
    assert pruned["kept"] == {last: "is the last one of estate 'tests'"}
    assert bucket.key(last) in bucket.runs()


def test_a_plan_that_another_runner_applied_is_not_cut(commands: CommandLine, bucket: Bucket) -> None:
    assert commands("plan", commands.manifest("search"), "--out", "kept.db", *ONE).code == 0
    commands.apply("kept.db", *ONE)
    ended = commands("shard", "kept.db", "--into", "shares", "--count", "1", "--yes", *TWO)
    assert ended.code == 64
    assert "was applied already as run" in ended.err


def test_what_one_runner_merged_is_known_to_another(commands: CommandLine, bucket: Bucket) -> None:
    assert commands("plan", commands.manifest("search"), "--out", "kept.db", *ONE).code == 0
    assert commands("shard", "kept.db", "--into", "shares", "--count", "1", "--yes", *ONE).code == 0
    assert commands("apply", "shares/share-0001.db").code == 0
    for runner in (ONE, TWO):
        ended = commands("merge", "kept.db", "shares", "--json", *runner)
        assert ended.code == 0, ended.err
        assert outcomes_of(ended.json()) == {"created": 1}
    assert "everything was brought home already" in ended.err


def test_another_estates_runs_are_apart(commands: CommandLine, bucket: Bucket) -> None:
    commands.summary("apply", commands.manifest("search"), *ONE)
    commands.write("other.toml", commands.folder.joinpath("bulkprof.toml").read_text().replace('"tests"', '"a/b c"'))
    commands.apply(commands.manifest("docs"), "--config", "other.toml", *TWO)
    assert len(listed(commands, "--config", "other.toml", *THREE)) == 1
    assert any(key.startswith("bulkprof/runs/a%2Fb%20c/") for key in bucket.objects())


def test_others_profiles_are_none_of_its_business(commands: CommandLine, bucket: Bucket, sandbox: Sandbox) -> None:
    Others(sandbox).create("kept", OURS)
    assert commands.apply(commands.manifest("kept"), *ONE) == {"unchanged": 1}
    # A quiet night writes its run once, at its end.
    assert [method for method, what in bucket.calls if method == "PUT" and "/runs/" in what] == ["PUT"]
