"""Pages of the site for files outside docs/: the samples, the README and whatever else pages link to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = "source"
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)(#[^)\s]*)?(?=\))")
_LEFT_OUT = ("__pycache__", ".bulkprof")
_LANGUAGES = {"": "text", ".j2": "jinja", ".yml": "yaml", ".csv": "text", ".service": "ini", ".timer": "ini"}


def pages(root: Path, documents: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each page by its name on the site, for all that these pages of docs/ lead to.

    A link to a file that isn't there gets no page, so that the strict build tells of it.
    """
    made: dict[str, str] = {}
    waiting = [path for name, text in documents.items() for path in _linked(text, f"docs/{name}")]
    while waiting:
        path = waiting.pop()
        if path.startswith("docs/") or _on_site(path) in made or not (root / path).exists():
            continue
        text = _page(root, path)
        made[_on_site(path)] = f"---\nsearch:\n  exclude: true\n---\n{relinked(text, path)}"
        waiting += _linked(text, path)
    return made


def relinked(text: str, path: str) -> str:
    """Return the Markdown of a file of the repository with its links as they have to be on the site."""
    here = posixpath.dirname(_on_site(path))

    def to(link: re.Match[str]) -> str:
        return posixpath.relpath(_on_site(_target(path, link[1])), here or ".") + (link[2] or "")

    return _LINK.sub(to, text)


def _linked(text: str, path: str) -> list[str]:
    return [_target(path, link[1]) for link in _LINK.finditer(text)]


def _target(path: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def _on_site(path: str) -> str:
    """The name on the site of what the repository calls `path`."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"{FOLDER}/{path}" if path.endswith(".md") else f"{FOLDER}/{path}.md"


def _page(root: Path, path: str) -> str:
    """The Markdown of a file or folder, its links being relative to `path`."""
    file = root / path
    if file.is_dir():
        inside = sorted(each.name for each in file.iterdir() if each.name not in _LEFT_OUT)
        listed = "\n".join(f"- [{name}]({posixpath.basename(path)}/{name})" for name in inside)
        return f"# {path}\n\n{listed}\n"
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        return text
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    language = _LANGUAGES.get(file.suffix, file.suffix.removeprefix("."))
    return f"# {path}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"
