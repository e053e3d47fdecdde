"""A `gh` that knows a repository of its own, in the JSON file that the variable FAKE_GH names.

It stands alone: scripts call it as a program. `--jq` is jq's own work, as in the real one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

PLACE = Path(os.environ.get("FAKE_GH", "gh.json"))
BOT = {"login": "github-actions[bot]"}


def main(arguments: list[str]) -> int:
    state = json.loads(PLACE.read_text(encoding="utf-8"))
    parser = ArgumentParser(prog="gh", allow_abbrev=False)
    parser.add_argument("words", nargs="+")
    for flag in ("method", "jq", "repo", "name", "dir", "label", "state", "limit", "json", "comment", "title"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--body-file", type=Path)
    parser.add_argument("--description")
    parser.add_argument("-F", dest="field")
    for flag in ("paginate", "silent", "force"):
        parser.add_argument(f"--{flag}", action="store_true")
    given = parser.parse_intermixed_args(arguments)
    found = _answer(given, state)
    if found is None:
        print("gh: Not Found (HTTP 404)", file=sys.stderr)
        return 1
    PLACE.write_text(json.dumps(state), encoding="utf-8")
    if given.jq:
        subprocess.run(["jq", "-r", given.jq], input=json.dumps(found), text=True, check=True)
    elif not given.silent:
        print(json.dumps(found))
    return 0


def _answer(given: Namespace, state: dict[str, Any]) -> Any:
    match given.words:
        case ["api", path]:
            return _api(path, given, state)
        case ["run", "download", run]:
            source = Path(state["runs"].get(run, {}).get("artifacts", {}).get(given.name, "/nowhere"))
            return {} if source.is_dir() and shutil.copytree(source, given.dir) else None
        case ["label", "create", label]:
            state["labels"] = sorted({*state.get("labels", ()), label})
            return {}
        case ["issue", "list"]:
            return [each for each in state["issues"] if each["label"] == given.label and each["state"] == given.state]
        case ["issue", "create"]:
            if given.label not in state.get("labels", ()):
                return None
            number = 100 + len(state["issues"])
            told = {"title": given.title, "body": given.body_file.read_text(encoding="utf-8"), "edits": 0}
            state["issues"].append({"number": number, "label": given.label, "state": "open", **told})
            return {}
        case ["issue", ("edit" | "close") as what, number]:
            (issue,) = (each for each in state["issues"] if str(each["number"]) == number)
            if what == "close":
                issue |= {"state": "closed", "comment": given.comment}
            else:
                issue |= {"body": given.body_file.read_text(encoding="utf-8"), "edits": issue["edits"] + 1}
            return {}
    raise SystemExit(f"gh {given.words}: not known here")


def _api(path: str, given: Namespace, state: dict[str, Any]) -> Any:
    path, _, query = path.removeprefix(f"repos/{state['repository']}/").partition("?")
    body = Path(given.field.removeprefix("body=@")).read_text(encoding="utf-8") if given.field else ""
    if len(body) > 65_536:
        raise SystemExit("gh: Body is too long (HTTP 422)")
    if number := re.fullmatch(r"issues/(\d+)/comments", path):
        comments = state["comments"].setdefault(number[1], [])
        if given.method == "POST":
            comments.append({"id": sum(map(len, state["comments"].values())), "user": BOT, "body": body})
        return comments
    if number := re.fullmatch(r"issues/comments/(\d+)", path):
        every = [each for comments in state["comments"].values() for each in comments]
        (comment,) = (each for each in every if str(each["id"]) == number[1] and each["user"] == BOT)
        comment["body"] = body
        return comment
    if commit := re.fullmatch(r"commits/(\w+)/pulls", path):
        return state["pulls"].get(commit[1], [])
    if run := re.fullmatch(r"actions/runs/(\d+)", path):
        return state["runs"].get(run[1])
    if workflow := re.fullmatch(r"actions/workflows/([\w.]+)/runs", path):
        wanted = {key: value[0] for key, value in parse_qs(query).items()}
        conclusion = wanted.pop("status")
        runs = [
            run
            for run in reversed(state["runs"].values())
            if run["path"].endswith(f"/{workflow[1]}") and run["conclusion"] == conclusion
        ]
        return {"workflow_runs": [run for run in runs if all(run[key] == value for key, value in wanted.items())]}
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
