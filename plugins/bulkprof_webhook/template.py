"""Bodies from a jinja2 template, for services that have messages of their own; it sees only what it is given."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bulkprof.plugins import GiveUpError

if TYPE_CHECKING:
    from jinja2 import Environment, Template


class TemplateError(GiveUpError, ValueError):
    """A template can't be used; the message says its line, and never holds a value that it was given as a secret."""


class BodyTemplate:
    """A template in a file."""

    def __init__(
        self, path: Path, shown: str, *, is_json: bool, values: Iterable[str], samples: Sequence[Mapping[str, Any]]
    ) -> None:
        """Read it and try it with made-up messages, so that what is wrong is found before a run.

        `shown` is its path in messages, `values` are the names of the secrets that it gets. Raises `TemplateError`.
        """
        from jinja2 import Template, TemplateSyntaxError

        self._path = str(path)
        self._shown = shown
        self._is_json = is_json
        environment = _environment()
        try:
            text = path.read_text(encoding="utf-8")
            self._check_names(environment, text, {*samples[0], "values"})
            code = environment.compile(text, shown, self._path)
        except OSError as error:
            raise TemplateError(f"the template {shown} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TemplateError(f"the template {shown} is not a text in UTF-8") from None
        except TemplateSyntaxError as error:
            raise TemplateError(f"{shown}:{error.lineno}: {error.message}") from None
        self._template: Template = Template.from_code(environment, code, environment.globals)
        for message in samples:
            self.render(message, dict.fromkeys(values, "made-up"))

    def render(self, message: Mapping[str, Any], values: Mapping[str, str]) -> bytes:
        """Return the body. Raises `TemplateError` where the template fails, or doesn't give JSON and has to."""
        rendered = self._rendered(message, values)
        if isinstance(rendered, TemplateError):
            raise rendered
        if self._is_json and (wrong := _why_no_json(rendered)):
            raise TemplateError(
                f"{self._shown}: what it gives is no JSON: {wrong}; write each value as {{{{ value | tojson }}}}"
            )
        return rendered.encode(errors="replace")

    def _rendered(self, message: Mapping[str, Any], values: Mapping[str, str]) -> str | TemplateError:
        """Return the text, or why there is none: the context of an exception could hold a secret."""
        try:
            return self._template.render({**message, "values": dict(values)})
        except Exception as error:  # noqa: BLE001 - the template's, whatever it is
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == self._path]
            reason = str(error)
            for value in values.values():
                reason = reason.replace(value, "…")
            return TemplateError(f"{self._shown}:{lines[-1] if lines else 1}: {type(error).__name__}: {reason}")

    def _check_names(self, environment: Environment, text: str, names: Set[str]) -> None:
        """Raise `TemplateError` for a name that no message has, also in a branch that made-up runs don't reach."""
        from jinja2 import meta, nodes

        parsed = environment.parse(text, self._shown)
        unknown = meta.find_undeclared_variables(parsed) - names - set(environment.globals)
        for name in parsed.find_all(nodes.Name):
            if name.name in unknown:
                known = ", ".join(sorted(names))
                raise TemplateError(f"{self._shown}:{name.lineno}: there is no {name.name!r}; there are {known}")


def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Nothing is escaped for HTML: `tojson` escapes for JSON.
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)
    # In the order in which bulkprof lists things itself.
    made.policies["json.dumps_kwargs"] = {"sort_keys": False, "default": _no_value}
    return made


def _no_value(value: object) -> NoReturn:
    """Raise what is wrong with a value that JSON doesn't have: for one that isn't there, jinja2's own error."""
    raise TypeError(f"{str(value) and type(value).__name__} is nothing that JSON has")


def _why_no_json(text: str) -> str:
    """Return what is wrong, empty if it is JSON; without a word of the text, which may hold secrets."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return f"{error.msg}, in line {error.lineno}, column {error.colno} of what it gives"
    except ValueError as error:
        return str(error)
    return ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
