"""The GitOps sample in a repository of its own: its workflows are carried out step by step with a `gh` of the tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cli import warm

SAMPLE = Path(__file__).parents[2] / "samples" / "gitops"
WORKFLOWS = SAMPLE / ".github" / "workflows"
REPOSITORY = "example-org/profiles"
PULL = 7


def workflow(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8")))


@dataclass
class Ended:
    """A job that ran."""

    code: int
    outputs: dict[str, dict[str, str]]
    errors: str
    summary: str
    ran: list[str] = field(default_factory=list)


class Forge:
    """The repository, and what GitHub knows of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repo = folder, folder / "repo"
        shutil.copytree(SAMPLE, self.repo)
        self.place = folder / "gh.json"
        empty = {"repository": REPOSITORY, "comments": {}, "pulls": {}, "runs": {}, "issues": []}
        self.place.write_text(json.dumps(empty), encoding="utf-8")
        tools = folder / "bin"
        tools.mkdir()
        gh = tools / "gh"
        gh.write_text(f'#!/bin/sh\nexec {sys.executable} -S {Path(__file__).with_name("fake_gh.py")} "$@"\n')
        gh.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "FAKE_GH": str(self.place),
            "BULKPROF_SANDBOX": "1",
            "GITHUB_REPOSITORY": REPOSITORY,
            **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        self.git("init", "-q", "-b", "main")
        self.commit("First")

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.place.read_text(encoding="utf-8")))

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.repo, env=self.environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def write(self, manifest: str, *rows: str) -> None:
        lines = ["team,app,model,account,description", *rows]
        (self.repo / "manifests" / manifest).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def propose(self, manifest: str, *rows: str) -> str:
        """Push a commit with this manifest to the pull request's branch, and return its hash."""
        exists = self.git("branch", "--list", "change")
        self.git("checkout", "-q", *([] if exists else ["-b"]), "change")
        self.write(manifest, *rows)
        return self.commit("Change")

    def plan(self, **event: Any) -> Ended:
        """Have the pull request's plan made, of what main will be."""
        head = self.git("rev-parse", "change")
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "merged", "change")
        github = {
            "event_name": "pull_request",
            "ref": f"refs/pull/{PULL}/merge",
            "event": {"pull_request": {"number": PULL, "head": {"repo": {"full_name": REPOSITORY}}}},
            **event,
        }
        return self.run("plan", "plan", github, head_sha=head)

    def merge(self, *, squash: bool = False) -> None:
        """Merge the pull request."""
        head = self.git("rev-parse", "change")
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash" if squash else "--no-ff", "change")
        if squash:
            self.commit("Change (#7)")
        state = self.state
        pull = {"number": PULL, "merged_at": "2026-11-28T12:00:00Z", "head": {"sha": head}, "base": {"ref": "main"}}
        state["pulls"][self.git("rev-parse", "HEAD")] = [pull]
        self.place.write_text(json.dumps(state), encoding="utf-8")

    def on_main(self, name: str, event: str, **inputs: str) -> Ended:
        """Run a workflow on main as it is."""
        self.git("checkout", "-q", "main")
        github = {"event_name": event, "ref": "refs/heads/main"}
        return self.run(name, name, github, head_sha=self.git("rev-parse", "HEAD"), inputs=inputs)

    def run(
        self, name: str, job: str, github: dict[str, Any], *, head_sha: str, inputs: dict[str, str] | None = None
    ) -> Ended:
        """Carry out a job on a new runner: of what an earlier one had, only the sandbox's profiles are left."""
        for path in (self.repo / ".bulkprof").glob("*"):
            if path.name != "sandbox.journal":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        number = str(9000 + len(self.state["runs"]))
        context: dict[str, Any] = {
            "github": {"repository": REPOSITORY, "token": "t", "run_id": number, "server_url": "https://x", **github},
            "inputs": inputs or {},
            "steps": {},
        }
        whole = workflow(name)
        steps = whole["jobs"][job]
        ended = Ended(0, {}, "", "")
        if _holds(steps.get("if", ""), context, failed=False):
            ended = self._steps(whole, steps["steps"], context, head_sha)
        known = {
            "id": number,
            "path": f".github/workflows/{name}.yml",
            "event": github["event_name"],
            "head_sha": head_sha,
            "head_branch": "main" if github["ref"] == "refs/heads/main" else "change",
            "conclusion": "failure" if ended.code else "success",
            "artifacts": context.get("artifacts", {}),
        }
        # A runner ends, and what it had goes with it.
        self.git("clean", "-qxdf", "-e", ".bulkprof")
        state = self.state
        state["runs"][number] = known
        self.place.write_text(json.dumps(state), encoding="utf-8")
        return ended

    def _steps(
        self, whole: dict[Any, Any], steps: list[dict[str, Any]], context: dict[str, Any], head_sha: str
    ) -> Ended:
        summary, output = self.folder / "summary.md", self.folder / "output"
        summary.write_text("")
        ended = Ended(0, {}, "", "")
        for step in steps:
            if step.get("name") == "Install" or not _holds(step.get("if", ""), context, failed=bool(ended.code)):
                continue
            if "uses" in step:
                if step["uses"].startswith("actions/upload-artifact") and not ended.code:
                    self._upload(_filled(step["with"], context), context)
                continue
            output.write_text("")
            environment = {
                **self.environment,
                **_filled(whole["env"], context),
                **_filled(step.get("env", {}), context),
                "GITHUB_SHA": head_sha,
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
            }
            stand_in = self.folder / "bin" / "bulkprof"
            done = warm.shell(step["run"], stand_in=stand_in, cwd=self.repo, env=environment, timeout=120)
            ended.ran.append(step["name"])
            ended.errors += done.stdout + done.stderr
            ended.code = ended.code or done.returncode
            told = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
            ended.outputs[step.get("id", step["name"])] = told
            context["steps"][step.get("id", step["name"])] = {
                "outputs": told,
                "outcome": "failure" if done.returncode else "success",
            }
        ended.summary = summary.read_text(encoding="utf-8")
        return ended

    def _upload(self, given: dict[str, str], context: dict[str, Any]) -> None:
        target = self.folder / "artifacts" / context["github"]["run_id"] / given["name"]
        target.mkdir(parents=True)
        for name in given["path"].split():
            if (self.repo / name).exists():
                shutil.copy(self.repo / name, target)
        context.setdefault("artifacts", {})[given["name"]] = str(target)


def _value(path: str, context: dict[str, Any]) -> str:
    found: Any = context
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return str(found)


def _filled(values: dict[str, Any], context: dict[str, Any]) -> dict[str, str]:
    expression = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
    return {name: expression.sub(lambda m: _value(m[1], context), str(value)) for name, value in values.items()}


def _holds(condition: str, context: dict[str, Any], *, failed: bool) -> bool:
    """Whether a step or job runs: GitHub's expressions, as far as the sample has them."""
    if failed and "always()" not in condition:
        return False
    parts = re.split(r"('[^']*')", condition.replace("always()", "True") or "True")
    names = re.compile(r"\b[a-z]+(?:\.[\w-]+)+")
    plain = [part if part.startswith("'") else names.sub(lambda m: repr(_value(m[0], context)), part) for part in parts]
    text = "".join(plain).replace("&&", " and ").replace("||", " or ").replace("true", "True")
    return bool(eval(text, {"__builtins__": {}}))
