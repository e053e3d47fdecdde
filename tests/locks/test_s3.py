"""The lock between machines: against a fake with a clock of its own, and over the wire against the sandbox."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkprof.aws import AwsSessions
from bulkprof.config import Lock, Organization, Run, load
from bulkprof.errors import AccessDeniedError, AwsError, BulkprofError, ConfigError, LockHeldError, unwrapped
from bulkprof.locks.lease import Lease
from bulkprof.locks.local import Holder, utc
from bulkprof.locks.s3 import Clock, S3Lock, shared_lock
from bulkprof.sandbox import Sandbox, SandboxSettings
from tests.locks.fake_s3 import START, FakeClock, FakeS3, refusal

URI = "s3://locks/prod/run.lock"
PLACE = ("locks", "prod/run.lock")
US = Holder(7, "build-1", "2026-01-01T00:00:00Z", "run-1", "apply", "prod")
THEM = replace(US, pid=8, host="build-2", run_id="run-2")


class World:
    """One bucket, one clock, and what the runs were told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.s3 = FakeS3(self.clock)
        self.lost: list[str] = []
        self.warnings: list[str] = []

    def lock(self, holder: Holder = US, **more: Any) -> S3Lock:
        clock = Clock(self.clock.now, self.clock.now, self.clock.sleep)
        known = {"on_lost": self.lost.append, "warn": self.warnings.append, "clock": clock, **more}
        return S3Lock(self.s3, URI, holder, **known)

    async def left_behind(self) -> None:
        """Leave the lock of a run that died."""
        kept = []

        async def keep(call: str) -> None:
            kept.append(dict(self.s3.objects))

        async with self.lock(THEM):
            self.s3.before = keep
        self.s3.before = self.s3._nothing
        self.s3.objects = kept[-1]
        assert PLACE in self.s3.objects

    def taken_by_them(self) -> None:
        """Put their lock where ours was."""
        body, _, written = self.s3.objects[PLACE]
        record = {**json.loads(body), "token": "theirs", "run_id": THEM.run_id, "pid": THEM.pid, "host": THEM.host}
        self.s3.objects[PLACE] = (json.dumps(record).encode(), '"theirs"', written)


@pytest.fixture
def world() -> World:
    return World()


async def test_second_is_told_who_holds_it(world: World) -> None:
    async with world.lock():
        await world.clock.advance(5)
        with pytest.raises(LockHeldError) as caught:
            await world.lock(THEM).__aenter__()
        assert str(US) in str(caught.value)
        assert URI in str(caught.value)
        assert "free in 57 s" in str(caught.value)
        assert json.loads(world.s3.objects[PLACE][0])["token"] not in str(caught.value)
    assert not world.s3.objects
    async with world.lock(THEM):
        assert json.loads(world.s3.objects[PLACE][0])["pid"] == THEM.pid
    assert (world.lost, world.warnings, world.s3.open) == ([], [], 0)


async def test_renewed_for_as_long_as_it_is_held(world: World) -> None:
    async with world.lock():
        etags = set()
        for _ in range(20):
            await world.clock.advance(30)
            etags.add(world.s3.objects[PLACE][1])
            with pytest.raises(LockHeldError):
                await world.lock(THEM).__aenter__()
        assert len(etags) == 20, "who is about to take over must see each renewal"
        assert json.loads(world.s3.objects[PLACE][0])["expires_at"] == utc(START + 660)
    assert (world.lost, world.s3.objects) == ([], {})


@pytest.mark.parametrize("skew_s", [-7200.0, 0.0, 7200.0])
async def test_expiry_is_by_the_clock_of_s3(world: World, skew_s: float) -> None:
    world.s3.skew_s = skew_s
    await world.left_behind()
    await world.clock.advance(61)
    with pytest.raises(LockHeldError):
        await world.lock().__aenter__()
    await world.clock.advance(1)
    async with world.lock():
        assert json.loads(world.s3.objects[PLACE][0])["pid"] == US.pid
    assert not world.s3.objects


def test_renewals_of_one_second_differ() -> None:
    """Else their ETags wouldn't, and a renewal wouldn't keep off who is about to take over."""
    first, second = (Lease(US, "t", 60.0, writes).to_body(START) for writes in (1, 2))
    assert first != second
    assert Lease.from_body(second) == Lease(US, "t", 60.0, 2)


async def test_expired_lock_goes_to_one_of_many(world: World) -> None:
    await world.left_behind()
    await world.clock.advance(100)
    # All read the expired lock before any of them writes.
    readers = 0
    all_have_read = anyio.Event()

    async def meet(call: str) -> None:
        nonlocal readers
        if call == "get":
            readers += 1
            if readers == 10:
                all_have_read.set()
            await all_have_read.wait()

    world.s3.after = meet
    winners, losers = await race(world.lock, 10)
    assert (winners, losers) == (1, 9)


async def race(make: Callable[[], S3Lock], count: int) -> tuple[int, int]:
    """How many of so many get the lock while the first of them holds it, and how many are told that it is held."""
    winners = losers = 0
    settled = anyio.Event()

    async def take() -> None:
        nonlocal winners, losers
        try:
            async with make():
                winners += 1
                if winners + losers == count:
                    settled.set()
                await settled.wait()
        except LockHeldError:
            losers += 1
            if winners + losers == count:
                settled.set()

    with anyio.fail_after(20), unwrapped():
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(take)
    return winners, losers


async def test_taken_over_means_stop(world: World) -> None:
    async with world.lock() as lock:
        world.taken_by_them()
        await world.clock.advance(19)
        assert world.lost == []
        await world.clock.advance(1)
        assert len(world.lost) == 1
        assert str(THEM) in world.lost[0]
        assert lock.lost == world.lost[0]
        await world.clock.advance(600)
    assert len(world.lost) == 1
    assert world.s3.objects[PLACE][1] == '"theirs"'
    assert "delete" not in world.s3.calls, "theirs is not ours to delete, whatever the store makes of the condition"


async def test_removed_means_stop(world: World) -> None:
    async with world.lock():
        world.s3.objects.clear()
        await world.clock.advance(20)
        assert "removed" in world.lost[0]
    assert not world.s3.objects


async def test_no_renewal_means_stop_before_others_may_come_in(world: World) -> None:
    async def broken(call: str) -> None:
        raise refusal("InternalError", 500, "We encountered an internal error.")

    async with world.lock():
        await world.clock.advance(20)
        world.s3.before = broken
        await world.clock.advance(44)
        assert world.lost == []
        await world.clock.advance(1)
        assert "in time" in world.lost[0]
        assert "internal error" in world.lost[0]
        world.s3.before = world.s3._nothing
        with pytest.raises(LockHeldError):
            await world.lock(THEM).__aenter__()


async def test_a_renewal_without_an_answer_means_stop_in_time(world: World) -> None:
    async def silent(call: str) -> None:
        await anyio.Event().wait()

    async with world.lock():
        world.s3.before = silent
        await world.clock.advance(44)
        assert world.lost == []
        await world.clock.advance(1)
        assert len(world.lost) == 1


async def test_trouble_in_between_is_overcome(world: World) -> None:
    failures = iter(["InternalError", "SlowDown", "ExpiredToken"])

    async def trouble(call: str) -> None:
        if code := next(failures, None):
            raise refusal(code, 503)

    async with world.lock():
        world.s3.before = trouble
        await world.clock.advance(600)
        assert next(failures, None) is None
        assert world.lost == []
    assert not world.s3.objects


async def test_a_renewal_whose_answer_was_lost_is_ours(world: World) -> None:
    lose = [True]

    async def cut(call: str) -> None:
        if call == "put" and lose:
            lose.pop()
            raise ConnectionResetError

    async with world.lock():
        world.s3.after = cut
        await world.clock.advance(20)
        assert (world.s3.objects[PLACE][2], lose) == (START + 20, [])
        await world.clock.advance(5)
        assert world.s3.objects[PLACE][2] == START + 25, "what was written some time ago is no renewal from now on"
        await world.clock.advance(300)
        assert world.lost == []
    assert not world.s3.objects


async def test_a_first_write_whose_answer_was_lost_is_let_go(world: World) -> None:
    async def cut(call: str) -> None:
        if call == "put":
            raise ConnectionResetError

    world.s3.after = cut
    with pytest.raises(AwsError):
        await world.lock().__aenter__()
    assert (world.s3.objects, world.s3.open, world.warnings) == ({}, 0, [])


async def test_a_write_that_the_sdk_sent_twice_is_ours(world: World) -> None:
    put = world.s3.put_object

    async def twice(**arguments: Any) -> Any:
        await put(**arguments)
        return await put(**arguments)

    world.s3.put_object = twice
    async with world.lock():
        await world.clock.advance(300)
        assert world.lost == []
    assert not world.s3.objects


async def test_let_go_after_a_failure_which_goes_on_as_it_was(world: World) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with world.lock():
            raise KeyError("mine")
    assert (world.s3.objects, world.s3.open) == ({}, 0)


@pytest.mark.parametrize("while_renewing", [False, True])
async def test_let_go_when_cancelled(world: World, while_renewing: bool) -> None:
    held = anyio.Event()

    async def run() -> None:
        async with world.lock():
            held.set()
            await anyio.Event().wait()

    async def stored_but_unanswered(call: str) -> None:
        if call == "put":
            await anyio.Event().wait()

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await held.wait()
        if while_renewing:
            world.s3.after = stored_but_unanswered
            await world.clock.advance(20)
        group.cancel_scope.cancel()
    assert (world.s3.objects, world.s3.open, world.warnings) == ({}, 0, [])


async def test_cancelled_while_taking_it(world: World) -> None:
    written = anyio.Event()

    async def unanswered(call: str) -> None:
        if call == "put":
            written.set()
            await anyio.Event().wait()

    world.s3.after = unanswered
    async with anyio.create_task_group() as group:
        group.start_soon(world.lock().__aenter__)
        await written.wait()
        group.cancel_scope.cancel()
    assert (world.s3.objects, world.s3.open) == ({}, 0)


async def test_what_cant_be_let_go_is_told_and_harms_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(call: str) -> None:
        raise refusal("InternalError", 500)

    async def silent(call: str) -> None:
        await anyio.Event().wait()

    monkeypatch.setattr("bulkprof.locks.s3.RELEASE_S", 0.05)
    for trouble in (broken, silent):
        world.s3.objects.clear()
        world.s3.before = world.s3._nothing
        async with world.lock():
            world.s3.before = trouble
    assert len(world.warnings) == 2
    assert all("expires in 60 s" in warning for warning in world.warnings)
    assert world.s3.open == 0


async def test_a_store_without_conditional_deletes(world: World) -> None:
    async def unsupported(call: str) -> None:
        if call == "delete":
            raise refusal("NotImplemented", 501)

    world.s3.before = unsupported
    async with world.lock():
        assert world.s3.objects
    assert (world.s3.objects, world.warnings) == ({}, [])


async def test_a_store_that_keeps_no_conditions_is_refused(world: World) -> None:
    world.s3.conditional = False
    with pytest.raises(ConfigError, match="conditions"):
        await world.lock().__aenter__()
    assert (world.s3.objects, world.s3.open) == ({}, 0)


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("NotImplemented", 501, ConfigError, "conditions"),
        ("NoSuchBucket", 404, ConfigError, "no bucket 'locks'"),
        ("PermanentRedirect", 301, ConfigError, "region"),
        ("AccessDenied", 403, AccessDeniedError, "s3:PutObject"),
        ("SlowDown", 503, AwsError, "SlowDown"),
    ],
)
async def test_refusals_say_what_to_do(
    world: World, code: str, status: int, kind: type[BulkprofError], words: str
) -> None:
    async def refuse(call: str) -> None:
        if call == "put":
            raise refusal(code, status)

    world.s3.before = refuse
    with pytest.raises(kind, match=words):
        await world.lock().__aenter__()
    assert (world.s3.open, world.warnings) == (0, [])


async def test_no_signature_shows(world: World) -> None:
    async def refuse(call: str) -> None:
        raise refusal("SignatureDoesNotMatch", 403, "the string was canary-secret")

    world.s3.before = refuse
    with pytest.raises(AwsError) as caught:
        await world.lock().__aenter__()
    assert "canary" not in str(caught.value)


NUMBERS = ["NaN", "Infinity", '"60"', "null", "9" * 400, "[" * 5000]


@pytest.mark.parametrize(
    "body",
    [b"", b"report,of,costs\n", b"[]", b'{"pid": 1}', b"[" * 60_000, b"\xff", b'"\\ud800"']
    + [b'{"pid": 1, "token": "t", "writes": 1, "expiry_s": %s}' % number.encode() for number in NUMBERS],
)
async def test_what_isnt_a_lock_is_left_alone(world: World, body: bytes) -> None:
    world.s3.objects[PLACE] = (body, '"e"', START)
    world.s3.conditional = False
    await world.clock.advance(3600)
    with pytest.raises(ConfigError, match="another key"):
        await world.lock().__aenter__()
    assert world.s3.objects[PLACE][0] == body
    assert world.warnings == []


async def test_without_a_date_the_own_clock_must_do(world: World) -> None:
    get = world.s3.get_object

    async def undated(**arguments: Any) -> Any:
        return {**await get(**arguments), "ResponseMetadata": {"HTTPHeaders": {}}}

    world.s3.get_object = undated
    await world.left_behind()
    with pytest.raises(LockHeldError):
        await world.lock().__aenter__()
    await world.clock.advance(62)
    async with world.lock():
        assert world.s3.objects


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "prod",
        "s3://",
        "s3://locks",
        "s3://locks/",
        "s3://locks/a/",
        "https://locks/a",
        "s3://LOCKS/a",
        "s3://key:canary@locks/a",
        "s3://locks/a\nb",
        "s3://locks/" + "x" * 1025,
    ],
)
def test_uris_that_name_no_object(world: World, uri: str, tmp_path: Path) -> None:
    file = tmp_path / "bulkprof.toml"
    file.write_text(f"[lock]\ns3 = {json.dumps(uri)}\n")
    for use in (lambda: S3Lock(world.s3, uri, US, on_lost=print, warn=print), lambda: load(file)):
        with pytest.raises(ConfigError, match=r"lock\.s3") as caught:
            use()
        assert "canary" not in str(caught.value)


async def test_the_config_decides_whether_there_is_one(world: World) -> None:
    async with shared_lock(Lock(), world.s3, US, on_lost=print, warn=print) as lock:
        assert lock is None
    settings = Lock(s3=URI, expiry_s=90)
    async with shared_lock(settings, world.s3, US, on_lost=print, warn=print) as lock:
        assert lock is not None
        assert json.loads(world.s3.objects[PLACE][0])["expiry_s"] == 90


# Over the wire: the SDK's own shapes, and conditions that another implementation keeps.


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings()) as running:
        yield running


def made_older(sandbox: Sandbox, seconds: float) -> None:
    from moto.s3.models import s3_backends

    key = s3_backends[sandbox.settings.default_account]["aws"].buckets["locks"].keys[PLACE[1]]
    key.last_modified -= timedelta(seconds=seconds)


async def test_the_sandbox_checks_and_writes_in_one_step(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.s3.models import S3Backend

    find = S3Backend.get_object
    looks: Counter[int] = Counter()
    both_have_looked: defaultdict[int, threading.Event] = defaultdict(threading.Event)

    def find_together(backend: Any, *place: Any, **more: Any) -> Any:
        """Find, and wait until the other call has done so as many times; where it is kept out, go on without it."""
        found = find(backend, *place, **more)
        mine = threading.get_ident()
        looks[mine] += 1
        met = both_have_looked[looks[mine]]
        if any(count >= looks[mine] for thread, count in looks.items() if thread != mine):
            met.set()
        met.wait(0.2)
        return found

    outcomes: list[str] = []

    async def put(s3: Any) -> None:
        try:
            await s3.put_object(Bucket="races", Key="k", Body=b"", IfNoneMatch="*")
            outcomes.append("written")
        except s3.exceptions.ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    async with (
        AwsSessions(Organization(), Run(), environment=sandbox.environment()) as sessions,
        sessions.client("s3") as s3,
    ):
        await s3.create_bucket(Bucket="races")
        monkeypatch.setattr(S3Backend, "get_object", find_together)
        async with anyio.create_task_group() as group:
            group.start_soon(put, s3)
            group.start_soon(put, s3)
    assert sorted(outcomes) == ["PreconditionFailed", "written"]


async def test_against_the_sandbox(sandbox: Sandbox) -> None:
    async with AwsSessions(Organization(), Run(), environment=sandbox.environment()) as sessions:
        lost: list[str] = []
        warnings: list[str] = []

        def make(holder: Holder = US) -> S3Lock:
            return S3Lock(sessions.client, URI, holder, on_lost=lost.append, warn=warnings.append)

        with pytest.raises(ConfigError, match="no bucket 'locks'"):
            await make().__aenter__()
        async with sessions.client("s3") as s3:
            await s3.create_bucket(Bucket="locks")
            async with make(THEM) as left:
                with pytest.raises(LockHeldError, match="pid 8 on build-2"):
                    await make().__aenter__()
                assert await left._renewed() is None
                body = await (await s3.get_object(Bucket=PLACE[0], Key=PLACE[1]))["Body"].read()
            assert "Contents" not in await s3.list_objects_v2(Bucket="locks")

            await s3.put_object(Bucket=PLACE[0], Key=PLACE[1], Body=body)
            made_older(sandbox, 100)
            assert await race(make, 6) == (1, 5)
            assert "Contents" not in await s3.list_objects_v2(Bucket="locks")

            async with make() as ours:
                await s3.delete_object(Bucket=PLACE[0], Key=PLACE[1])
                assert await ours._renewed() == "it was removed"
                await s3.put_object(Bucket=PLACE[0], Key=PLACE[1], Body=body)
                assert str(THEM) in str(await ours._renewed())
            kept = await s3.get_object(Bucket=PLACE[0], Key=PLACE[1])
            assert await kept["Body"].read() == body, "theirs is not ours to delete"
        assert (lost, warnings) == ([], [])
