"""A config is read whole: every bad key at once, each with its file and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkprof.config import Lock, Settings, load, split_s3_uri
from bulkprof.errors import ConfigError


def written(folder: Path, content: bytes) -> Path:
    file = folder / "bulkprof.toml"
    file.write_bytes(content)
    return file


def message(folder: Path, content: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, content))
    return str(caught.value).replace(f"{folder}/", "")


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load().settings == Settings()
    assert load().directory == tmp_path


def test_the_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, b'estate = "platform"\n')
    monkeypatch.chdir(tmp_path)
    assert load().settings.estate == "platform"
    assert load().file == tmp_path / "bulkprof.toml"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfestate = 'x'", b"estate = 'x'\r\n", b"estate = 'x'\r[run]\r"])
def test_what_editors_make_of_a_file_is_no_matter(tmp_path: Path, content: bytes) -> None:
    assert load(str(written(tmp_path, content))).settings.estate == "x"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"estat = 'x'", "bulkprof.toml: estat"),
        (b"estate = 'x'\nestate = 'y'", "bulkprof.toml: is not TOML: Cannot overwrite a value"),
        (b"estate = platform", "bulkprof.toml: is not TOML: Invalid value (at line 1, column 10); correct it there"),
        ("estate = 'Łódź'".encode("iso8859-2"), "bulkprof.toml: is not UTF-8 (byte 11); save it as UTF-8"),
        ("estate = 'x'".encode("utf-16"), "bulkprof.toml: is UTF-16, not UTF-8; save it as UTF-8"),
        (b"[lock]\ns3 = 's3://bucket/'", "bulkprof.toml: lock.s3: write it as s3://bucket/key"),
    ],
)
def test_a_mistake_says_where_it_is(tmp_path: Path, content: bytes, expected: str) -> None:
    assert message(tmp_path, content).startswith(expected)


def test_all_bad_keys_are_told_at_once(tmp_path: Path) -> None:
    lines = message(tmp_path, b"[run]\nattempts = 0\nheadroom = 2\n[prune]\npercnt = 1\n").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["run.headroom", "run.attempts", "prune.percnt"]


def test_a_file_that_isnt_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; `bulkprof init` writes one"):
        load(tmp_path / "absent.toml")


def test_a_single_value_stands_for_a_list(tmp_path: Path) -> None:
    assert load(written(tmp_path, b"[defaults]\nregion = 'eu-west-1'\n")).settings.defaults.region == ("eu-west-1",)


@pytest.mark.parametrize("uri", ["s3://bucket/", "s3://b/key", "http://bucket/key", "s3://bucket/a\nb", "s3://x" * 400])
def test_what_names_no_object(uri: str) -> None:
    with pytest.raises(ValueError, match=r"write it as s3://bucket/key|the key must name an object"):
        split_s3_uri(uri)


def test_a_lock_is_an_object() -> None:
    assert split_s3_uri(Lock(s3="s3://example-locks/nightly/lock").s3 or "") == ("example-locks", "nightly/lock")
