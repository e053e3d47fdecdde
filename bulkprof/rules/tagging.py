"""What a profile is tagged with: the row's own tags, the plugins' answers, and the tag that tells whose it is."""

from __future__ import annotations

from collections.abc import Mapping

from bulkprof.config import Settings
from bulkprof.errors import ConfigError, PluginError
from bulkprof.limits import (
    TAGS_PER_PROFILE,
    Fault,
    tag_count_fault,
    tag_faults,
    tag_key_fault,
    tag_value_fault,
)
from bulkprof.model import DesiredProfile, Problem, Request
from bulkprof.plugins.registry import Registry
from bulkprof.rules.answers import ask, cell_problem


class Tagging:
    """The tag plugins, in the config's order, and the ownership tag."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Raises `ConfigError` for an ownership tag that AWS wouldn't take."""
        self._implementations = registry.implementations("bulkprof_tag_profile")
        self._key, self._estate = settings.ownership_tag, settings.estate
        for name, fault in (
            ("ownership_tag", tag_key_fault(self._key)),
            ("estate", tag_value_fault(self._estate)),
        ):
            if fault:
                raise ConfigError(f"{name}: {fault.reason}; {fault.remedy}")
        self.active = bool(self._implementations)

    def tags(self, request: Request, profile: DesiredProfile | None, problems: list[Problem]) -> Mapping[str, str]:
        """All tags of one profile; `profile` is what plugins see of it, None where there are no tag plugins."""
        tags = dict(request.tags)
        makers: dict[str, str] = {}
        if profile is not None:
            for implementation in self._implementations:
                answer = ask(implementation, profile, request, problems)
                if answer is not None:
                    self._merge(implementation.plugin, answer, tags, makers, request=request, problems=problems)
        for key, value, fault in tag_faults(tags):
            problems.append(cell_problem(request, f"tag:{key}", value, fault, makers.get(key, "")))
        if tags.setdefault(self._key, self._estate) != self._estate:
            fault = Fault(
                f"the tag tells which estate a profile belongs to, and this one is {self._estate!r}",
                "leave it out: bulkprof sets it (estate and ownership_tag in the config)",
            )
            problems.append(
                cell_problem(request, f"tag:{self._key}", tags[self._key], fault, makers.get(self._key, ""))
            )
        if len(tags) > TAGS_PER_PROFILE and (excess := tag_count_fault(tags)):
            ours = Fault(f"{excess.reason}, the rules' and bulkprof's own among them", excess.remedy)
            problems.append(cell_problem(request, "tags", "", ours))
        return tags

    @staticmethod
    def _merge(
        plugin: str,
        answer: object,
        tags: dict[str, str],
        makers: dict[str, str],
        *,
        request: Request,
        problems: list[Problem],
    ) -> None:
        """Add a plugin's tags. The manifest's own win; two plugins that disagree can't both be right."""
        if answer.__class__ is not dict and not isinstance(answer, Mapping):
            raise PluginError(plugin, f"bulkprof_tag_profile answers a mapping or None, not {type(answer).__name__}")
        for key, value in answer.items():
            if value.__class__ is not str or key.__class__ is not str:
                raise PluginError(
                    plugin, f"bulkprof_tag_profile answered the tag {key!r}: {value!r}; both must be strings"
                )
            if key in request.tags:
                continue
            other = makers.setdefault(key, plugin)
            if other == plugin:
                tags[key] = value
            elif tags[key] != value:
                fault = Fault(
                    f"plugin {other!r} says {tags[key]!r}, plugin {plugin!r} says {value!r}",
                    f"let one of them set it, or write it in the manifest as tag:{key}",
                )
                problems.append(cell_problem(request, f"tag:{key}", "", fault))
