"""Folders and files that are the user's alone: account ids, names and plans are in them, and what a run relies on.

They are made so from the start, whatever the umask, and nothing that another user could have put in their place is
used: no symbolic link is followed inside of a state directory, and its owner is looked at. Where a system knows no
owners (Windows), the folder's own access list counts.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from bulkprof.errors import StateError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
OURS: Final = "*\n"
"""What the `.gitignore` of a state directory holds: it tells one that bulkprof made from a folder of the user's."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_ELSEWHERE: Final = "choose another --state-dir, such as a new folder: it is made for you alone"


def private_directory(path: Path) -> None:
    """Make the state directory `path`, or see to it that no other user can write there. Raises `StateError`, `OSError`.

    One that an earlier version made is closed to others. A folder that something else made is left as it is, and
    refused where others can write; it may be reached through a symbolic link.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if _made(path):
        return
    found = path.stat()
    _require_own(path, found)
    if not found.st_mode & _OTHERS or _user() is None:
        return
    if _is_ours(path):
        _close(path)
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        # One like /tmp is open on purpose.
        close = "" if found.st_mode & stat.S_ISVTX else f", or close it to them: chmod go-w {path}"
        raise StateError(f"{path}: others can write there; {_ELSEWHERE}{close}")


def private_folder(path: Path) -> None:
    """Make the folder `path` inside of a state directory, or close it to others. Raises `StateError`, `OSError`."""
    if _made(path):
        return
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise linked(path)
    _require_own(path, found)
    if found.st_mode & _OTHERS and _user() is not None:
        _close(path)


def open_private(path: Path, flags: int) -> int:
    """Open a file of the state directory, made for the user alone where `flags` ask for that.

    An earlier version's is closed to others. Raises `StateError` for a symbolic link, and `OSError`.
    """
    try:
        # Python opens it close-on-exec: a program that is started meanwhile doesn't get it.
        file = os.open(path, flags | _NO_LINKS | _BINARY, FILE_MODE)
    except OSError as error:
        # Some systems have another number for it.
        if error.errno in (errno.ELOOP, errno.EMLINK) and path.is_symlink():
            raise linked(path) from None
        raise
    if _user() is not None and os.fstat(file).st_mode & _OTHERS:
        with suppress(OSError):
            # By its descriptor; Windows, which can't, knows no owners.
            os.chmod(file, FILE_MODE)  # noqa: PTH101
    return file


def create_private(path: Path, content: bytes = b"") -> None:
    """Make a file for the user alone. Raises `FileExistsError` where anything is there, and `OSError`."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS | _BINARY, FILE_MODE)
    try:
        os.write(file, content)
    finally:
        os.close(file)


def require_no_link(path: Path) -> Path:
    """Return `path`. Raises `StateError` where it is a symbolic link."""
    if path.is_symlink():
        raise linked(path)
    return path


def linked(path: Path) -> StateError:
    """Return the error of a symbolic link."""
    return StateError(f"{path}: is a symbolic link, which isn't followed here; remove it")


def _made(path: Path) -> bool:
    """Make the folder; return False where there is one. Raises `OSError`, also for something else in its place."""
    try:
        path.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
        return False
    return True


def _user() -> int | None:
    """Return the number of the user that this process works for; None where the system knows no owners."""
    ask = getattr(os, "geteuid", None)
    return None if ask is None else int(ask())


def _require_own(path: Path, found: os.stat_result) -> None:
    user = _user()
    if user is None or found.st_uid == user:
        return
    if user == 0:
        owner = os.environ.get("SUDO_UID")
        if owner == str(found.st_uid):
            raise StateError(f"{path}: is the state directory of who calls sudo; run without sudo, or {_ELSEWHERE}")
        if found.st_uid == path.absolute().parent.stat().st_uid:
            # Containers run as root in folders of the machine's user, who owns all that is around it anyway.
            return
    if _owner_of_new(path) == found.st_uid:
        return
    advice = f"make it yours (`sudo chown -R {user} {path}`)" if found.st_uid == 0 else "leave it to them"
    who = "root" if found.st_uid == 0 else f"another user (uid {found.st_uid})"
    raise StateError(f"{path}: belongs to {who}; {advice}, or {_ELSEWHERE}")


def _owner_of_new(path: Path) -> int | None:
    """Return whose a file is that this process makes in the folder: some shared file systems give all to one user."""
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            return os.fstat(file.fileno()).st_uid
    except OSError:
        return None


def _is_ours(path: Path) -> bool:
    try:
        return (path / ".gitignore").read_text(encoding="utf-8") == OURS and (path / "runs").is_dir()
    except (OSError, UnicodeError):
        return False


def _close(path: Path) -> None:
    """Close a folder of ours to others, unless another user has put anything in it while it was open.

    On file systems that keep no permissions, nothing changes.
    """
    owners = {_user(), path.stat().st_uid}
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_uid not in owners:
                raise StateError(f"{entry.path}: was put there by another user; look at it, remove it, and try again")
    with suppress(OSError):
        path.chmod(FOLDER_MODE)
