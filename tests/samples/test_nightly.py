"""The nightly setup works on a machine of one's own: its files are read, and their commands are run in the sandbox."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bulkprof.config import load
from bulkprof.plugins.registry import Registry
from tests.cli.driver import CommandLine
from tests.samples.nightly import FILES, PROFILES, SAMPLE, created, shell, text


def entries(crontab: str) -> list[tuple[str, str]]:
    """The schedules of a crontab with their commands."""
    lines = [line for line in crontab.splitlines() if line and not line.startswith("#")]
    jobs = [re.fullmatch(r"((?:[\d*/,-]+ ){5})(.+)", line) for line in lines if not re.match(r"\w+=", line)]
    assert all(jobs)
    return [(job[1].strip(), job[2]) for job in jobs if job]


def units(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text(name))
    return parser


def test_every_manifest_is_valid_and_each_team_has_one(commands: CommandLine) -> None:
    commands.monkeypatch.chdir(SAMPLE)
    manifests = sorted(str(path) for path in Path("manifests").iterdir())
    found = commands("validate", *manifests, "--json").json()
    assert (found["problems"], found["desired"]) == ([], PROFILES)
    for manifest in manifests:
        rows = Path(manifest).read_text(encoding="utf-8").splitlines()[1:]
        assert {row.partition(",")[0] for row in rows} == {Path(manifest).stem}


def test_what_the_config_shows_switched_off_works_when_it_is_switched_on(tmp_path: Path) -> None:
    written = (SAMPLE / "bulkprof.toml").read_text(encoding="utf-8")
    switched_on = re.sub(r"(?m)^# (?=\[|\w+ = )", "", written)
    shutil.copytree(SAMPLE, tmp_path / "n")
    (tmp_path / "n" / "bulkprof.toml").write_text(switched_on, encoding="utf-8")
    config = load(tmp_path / "n" / "bulkprof.toml")
    assert config.settings.lock.s3 == "s3://example-bulkprof/locks/platform.lock"
    assert list(config.settings.plugins) == ["naming", "tags", "s3", "slack"]
    assert "ou:ou-ab12-11111111" in config.settings.organization.aliases["workloads"]
    Registry(config.settings.plugins, config.directory)
    assert set(tomllib.loads(written)["plugins"]) == {"naming", "tags"}


def test_the_readme_names_every_file() -> None:
    page = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for path in SAMPLE.rglob("*"):
        if path.is_file() and path.name != "README.md" and path.parent.name != "manifests":
            relative = path.relative_to(SAMPLE)
            assert path.name in page or f"{relative.parent}/" in page, relative


# cron


def test_cron_runs_the_sync_and_is_quiet_when_it_went_well(setup: Path) -> None:
    (when, command), _ = entries(text("crontab"))
    assert when == "15 2 * * *"
    ended = shell(command, setup)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert created((setup / "state" / "last.json").read_text(encoding="utf-8")) == PROFILES


def test_cron_mails_the_log_of_a_night_that_went_wrong(setup: Path) -> None:
    (_, command), _ = entries(text("crontab"))
    with (setup / "srv" / "manifests" / "search.csv").open("a", encoding="utf-8") as manifest:
        manifest.write("nobody,app,prod,nova-lite,prod,\n")
    ended = shell(command, setup)
    assert "manifests/search.csv:5" in ended.stdout


def test_cron_forgets_only_old_runs(setup: Path) -> None:
    _, (_, command) = entries(text("crontab"))
    runs = setup / "state" / "runs"
    runs.mkdir()
    for name, age_s in (("old.db", 91 * 86400), ("old.db-wal", 91 * 86400), ("new.db", 0)):
        (runs / name).touch()
        at = (runs / name).stat().st_mtime - age_s - 3600 * bool(age_s)
        os.utime(runs / name, (at, at))
    assert shell(command, setup).returncode == 0
    assert [path.name for path in runs.iterdir()] == ["new.db"]


# systemd


def test_the_service_runs_the_sync(setup: Path) -> None:
    service = units("service")["Service"]
    assert (service["Type"], service["StateDirectory"]) == ("oneshot", "bulkprof")
    shell_name, flag, command = shlex.split(service["ExecStart"])
    assert (shell_name, flag) == ("/bin/sh", "-c")
    assert command.startswith("exec "), "signals would end with the shell"
    ended = shell(command, setup, STATE_DIRECTORY=str(setup / "state"))
    assert ended.returncode == 0, ended.stderr
    assert created(ended.stdout) == PROFILES
    assert all("run_id" in json.loads(line) or "message" in json.loads(line) for line in ended.stderr.splitlines())
    assert list((setup / "state" / "runs").glob("*.db"))


def test_the_timer_starts_that_service_every_night() -> None:
    timer = units("timer")
    assert timer["Timer"]["OnCalendar"] == "*-*-* 02:15:00"
    assert timer["Timer"]["Persistent"] == "yes"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert Path(FILES["timer"]).stem == Path(FILES["service"]).stem


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units() -> None:
    files = [str(SAMPLE / FILES[name]) for name in ("service", "timer")]
    ended = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    assert (ended.returncode, [line for line in ended.stderr.splitlines() if "bulkprof" in line]) == (0, [])


# GitHub Actions
