"""What mkdocs runs while it builds the site: it adds the pages that aren't in docs/, and the links to them."""

from __future__ import annotations

import re
from pathlib import Path

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site import outside, reference

ROOT = Path(__file__).parents[2]
_ITEM = re.compile(r"[-*+] |1\. ")


class _Lists(Extension):
    """Lists as they are read in the repository: they need no blank line above, and two blanks nest one."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the library's name
        """Make the parser anew, since its parts keep the step that was set when they were made.

        Code in fences is out of the way when `_ListsApart` looks.
        """
        md.tab_length = 2
        md.build_parser()
        md.preprocessors.register(_ListsApart(md), "lists-apart", 20)


class _ListsApart(Preprocessor):
    """Puts a blank line between a paragraph and the list right after it."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines, and the blank ones."""
        apart: list[str] = []
        in_paragraph = False
        for line in lines:
            is_item = _ITEM.match(line) is not None
            if is_item and in_paragraph:
                apart.append("")
            in_paragraph = bool(line.strip()) and not is_item and (in_paragraph or not (apart and apart[-1].strip()))
            apart.append(line)
        return apart


def on_config(config: MkDocsConfig) -> None:
    """Add what the YAML file can't name: first, since it makes the parser that others extend."""
    config.markdown_extensions.insert(0, _Lists())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference, and a page for each file outside docs/ that pages link to."""
    pages = dict(reference.pages())
    pages |= outside.pages(ROOT, {file.src_uri: file.content_string for file in files.documentation_pages()})
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let links out of docs/ lead to the pages that were made of their files."""
    return markdown if page.file.generated_by else outside.relinked(markdown, f"docs/{page.file.src_uri}")
