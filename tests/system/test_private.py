"""The state directory is the user's alone: modes whatever the umask, owners, and no symbolic link followed."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bulkprof.engine.outcomes import closed_outcome
from bulkprof.errors import StateError
from bulkprof.locks.local import StateLock
from bulkprof.model import OutcomeKind
from bulkprof.pacing.rates import RateStore
from bulkprof.sandbox import Sandbox
from bulkprof.statuses import RunStatus
from bulkprof.store.history.directory import StateDirectory
from bulkprof.store.history.recent import NO_CHANGES, RecentRuns
from bulkprof.system import private
from tests.cli.driver import CommandLine
from tests.factories import ESTATE, TARGET, desire, make_run, plan_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there, access lists count")


@pytest.fixture
def _open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    found = {str(path.relative_to(folder.parent)): mode(path) for path in (folder, *folder.rglob("*"))}
    return {name: found for name, found in found.items() if found not in (0o600, 0o700)}


def use(state: StateDirectory) -> None:
    """What each run begins with."""
    state.prepare()
    with StateLock(state.path, "prod"):
        pass


@pytest.mark.usefixtures("_open_to_all")
def test_what_a_run_leaves_is_the_users_alone(
    commands: CommandLine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the start: what is made so needs no change of its mode, which would come a moment too late."""
    changed: list[object] = []
    monkeypatch.setattr(os, "chmod", lambda *given, **_: changed.append(given))
    monkeypatch.setattr(os, "fchmod", lambda *given: changed.append(given))
    commands.apply(commands.manifest("a", "b"))
    state = commands.folder / ".bulkprof"
    assert {path.suffix for path in state.rglob("*") if path.is_file()} >= {".db", ".lock"}
    RateStore(state).save({})
    assert (state / "rates.json").is_file()
    assert modes(state) == {}
    assert mode(state) == mode(state / "runs") == mode(state / "locks") == 0o700
    assert changed == []


@pytest.mark.usefixtures("_open_to_all")
def test_so_is_a_sandboxs_state(commands: CommandLine) -> None:
    assert commands("apply", commands.manifest("a"), "--yes", "--sandbox").code == 0
    state = commands.folder / ".bulkprof"
    assert (state / "sandbox.journal").is_file()
    assert modes(state) == {}


@pytest.mark.usefixtures("_open_to_all")
def test_what_sqlite_puts_beside_a_run_is_too(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    with closing(make_run(state.run_path("one"), id="one")):
        beside = {path.name for path in state.runs.iterdir()}
        assert beside == {"one.db", "one.db-wal", "one.db-shm"}
        assert modes(state.path) == {}


@pytest.mark.usefixtures("_open_to_all")
def test_a_plan_that_is_adopted_is_too(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    make_run(tmp_path / "plan", id="one", status=RunStatus.PLANNED).close()
    (tmp_path / "plan").chmod(0o666)
    state.adopt_plan(tmp_path / "plan")
    assert modes(state.path) == {}


@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_files_that_are_asked_for_by_name_get_the_usual_mode(
    commands: CommandLine, sandbox: Sandbox, umask: int, expected: int
) -> None:
    before = os.umask(umask)
    try:
        assert commands("plan", commands.manifest("a"), "--out", "plan.db").code == 0
        asked_for = ("--results", "results.csv", "--failed", "failed.csv")
        assert commands("apply", "plan.db", "--yes", *asked_for).code == 0
    finally:
        os.umask(before)
    assert mode(commands.folder / "results.csv") == mode(commands.folder / "failed.csv") == expected
    # A plan is what was approved: nobody else may read it, let alone write it.
    assert mode(commands.folder / "plan.db") == 0o600


@pytest.mark.parametrize("loose", [0o755, 0o775, 0o777])
def test_a_directory_of_an_earlier_version_goes_on_working_and_is_closed(tmp_path: Path, loose: int) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    make_run(state.run_path("one"), id="one", status=RunStatus.INTERRUPTED).close()
    with StateLock(state.path, "prod") as lock:
        pass
    for path in (state.path, state.runs, lock.path.parent):
        path.chmod(loose)
    lock.path.chmod(0o666)
    state.prepare()
    with StateLock(state.path, "prod"):
        assert modes(state.path) == {}
    assert state.latest_unfinished() == state.run_path("one")


def test_a_folder_of_the_users_own_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(0o755)
    StateDirectory(folder).prepare()
    assert (mode(folder), mode(folder / "runs")) == (0o755, 0o700)


@pytest.mark.parametrize("loose", [0o775, 0o777, 0o1777])
def test_one_that_others_can_write_in_is_refused(tmp_path: Path, loose: int) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(loose)
    told = "project: others can write there; choose another --state-dir, such as a new folder"
    with pytest.raises(StateError, match=told):
        StateDirectory(folder).prepare()
    with pytest.raises(StateError, match=told), StateLock(folder, "prod"):
        pytest.fail("nothing can be locked there")
    with pytest.raises(StateError) as caught:
        StateDirectory(folder).prepare()
    # One like /tmp is open on purpose.
    assert str(caught.value).endswith(f"chmod go-w {folder}") == (loose != 0o1777)
    assert list(folder.iterdir()) == []
    assert mode(folder) == loose


def test_what_others_put_into_an_open_one_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    make_run(state.run_path("one"), id="one").close()
    state.runs.chmod(0o777)
    owners(monkeypatch, {state.run_path("one"): 4711})
    with pytest.raises(StateError, match=r"one\.db: was put there by another user"):
        state.prepare()
    assert mode(state.runs) == 0o777


def owners(monkeypatch: pytest.MonkeyPatch, owned: dict[Path, int]) -> None:
    """Let these files belong to others. Only root could do it really."""
    seen, listed = os.stat, os.scandir

    def told(path: Path, found: os.stat_result) -> os.stat_result:
        uid = owned.get(path, found.st_uid)
        return os.stat_result((*found[:4], uid, *found[5:10]))

    def look(path: Path, **how: bool) -> os.stat_result:
        return told(path, seen(path, **how))

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.path = entry.path

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            return look(Path(self.path), follow_symlinks=follow_symlinks)

    class Listing:
        def __init__(self, path: Path) -> None:
            self._entries = listed(path)

        def __enter__(self) -> Iterator[Entry]:
            return (Entry(entry) for entry in self._entries)

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    monkeypatch.setattr(Path, "stat", look)
    monkeypatch.setattr(Path, "lstat", lambda path: look(path, follow_symlinks=False))
    monkeypatch.setattr(private.os, "scandir", Listing)


ME = 1000


@pytest.mark.parametrize(
    ("me", "owners_are", "sudo", "told"),
    [
        (ME, (ME, 0), None, None),
        (
            ME,
            (4711, ME),
            None,
            r"belongs to another user \(uid 4711\); leave it to them, or choose another --state-dir",
        ),
        (ME, (0, ME), None, r"belongs to root; make it yours \(`sudo chown -R 1000 "),
        # A container's root in a folder of the machine's user, and in one that somebody put into /tmp.
        (0, (ME, ME), None, None),
        (0, (4711, 0), None, "belongs to another user"),
        (0, (0, ME), "1000", None),
        (0, (ME, ME), "1000", "is the state directory of who calls sudo; run without sudo"),
    ],
)
def test_the_owner_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    me: int,
    owners_are: tuple[int, int],
    sudo: str | None,
    told: str | None,
) -> None:
    """That of the directory, and of the folder that it is in."""
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    monkeypatch.setattr(os, "geteuid", lambda: me)
    monkeypatch.setattr(private, "_owner_of_new", lambda _: me)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if sudo:
        monkeypatch.setenv("SUDO_UID", sudo)
    its, around = owners_are
    owners(monkeypatch, {state.path: its, tmp_path: around, state.runs: me, state.path / "locks": me})
    if told is None:
        state.prepare()
        return
    with pytest.raises(StateError, match=told) as caught:
        state.prepare()
    assert "\n" not in str(caught.value)
    with pytest.raises(StateError, match=told), StateLock(state.path, "prod"):
        pytest.fail("nothing can be locked there")


def test_a_file_system_that_gives_all_to_one_user_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As network file systems do with an access point, or for everybody."""
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    # To itself, the process is somebody else; all that it makes is still of the one user.
    other = os.geteuid() + 4711
    monkeypatch.setattr(os, "geteuid", lambda: other)
    use(state)
    assert [path.name for path in state.path.iterdir() if path.is_file()] == [".gitignore"]


@pytest.mark.parametrize("inner", ["runs", "locks"])
def test_folders_inside_have_owners_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inner: str) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    (state.path / "locks").mkdir()
    owners(monkeypatch, {state.path / inner: os.geteuid() + 1, state.path: os.geteuid()})
    with pytest.raises(StateError, match=f"{inner}: belongs to another user"):
        use(state)


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    StateDirectory(tmp_path / "state").prepare()
    assert (tmp_path / "disk" / "runs").is_dir()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What a link leads to, and nobody may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_text("precious")
    return folder


@pytest.mark.parametrize("inner", ["runs", "locks"])
def test_no_folder_inside_may_be_one(tmp_path: Path, outside: Path, inner: str) -> None:
    state = StateDirectory(tmp_path / "state")
    state.path.mkdir()
    (state.path / inner).symlink_to(outside)
    with pytest.raises(StateError, match=rf"{inner}: is a symbolic link, which isn't followed here; remove it"):
        use(state)
    assert [path.name for path in outside.iterdir()] == ["file"]


@pytest.mark.parametrize("target", ["file", "new"])
def test_no_link_is_written_through(tmp_path: Path, outside: Path, target: str) -> None:
    state = StateDirectory(tmp_path / "state")
    lock = StateLock(state.path, "prod")
    lock.path.parent.mkdir(parents=True)
    for link in (state.path / ".gitignore", lock.path, state.path / "rates.json"):
        link.symlink_to(outside / target)
    state.prepare()
    with pytest.raises(StateError, match=r"\.lock: is a symbolic link"), lock:
        pytest.fail("nothing can be locked there")
    assert RateStore(state.path).save({}) is None or target == "file"
    for name in ("one.db", "two.part"):
        (state.runs / name).symlink_to(outside / target)
    with pytest.raises(StateError, match="is there already, and is not overwritten"):
        make_run(state.run_path("one"))
    make_run(tmp_path / "plan", id="two", status=RunStatus.PLANNED).close()
    state.adopt_plan(tmp_path / "plan")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file": "precious"}


def test_no_run_is_read_through_a_link(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    with make_run(tmp_path / "elsewhere.db", id="one", status=RunStatus.INTERRUPTED) as run:
        desire(run, "a")
        plan_all(run)
        run.record([closed_outcome(run.wanted(TARGET)[0], OutcomeKind.CREATED, arn="arn:a")])
    state.run_path("one").symlink_to(tmp_path / "elsewhere.db")
    told = r"one\.db: is a symbolic link"
    with pytest.raises(StateError, match=told):
        state.find("one")
    ((_, problem),) = state.open_all()
    with pytest.raises(StateError, match=told):
        raise problem  # type: ignore[misc]
    assert RecentRuns(state, ESTATE, 1e9).of(TARGET) == NO_CHANGES
    # Where the user names a file, it is theirs to say.
    assert state.find(str(state.run_path("one"))) == state.run_path("one")


def test_a_sandboxs_state_is_no_link_either(commands: CommandLine, outside: Path) -> None:
    (commands.folder / ".bulkprof").mkdir()
    (commands.folder / ".bulkprof" / "sandbox.journal").symlink_to(outside / "new")
    ended = commands("apply", commands.manifest("a"), "--yes", "--sandbox")
    assert ended.code == 1
    assert "sandbox.journal is a symbolic link, which isn't followed" in ended.err
    assert "Traceback" not in ended.err
    assert not (outside / "new").exists()


def test_systems_without_owners_go_on_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.setattr(private, "_NO_LINKS", 0)
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    state = StateDirectory(folder)
    state.prepare()
    state.prepare()
    with StateLock(state.path, "prod"):
        make_run(state.run_path("one"), id="one").close()
    assert state.run_ids() == ["one"]
