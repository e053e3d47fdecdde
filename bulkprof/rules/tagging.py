"""What a profile is tagged with: the row's own tags, those that plugins return, and the tags of its owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bulkprof.config import Settings
from bulkprof.errors import ConfigError, PluginError
from bulkprof.limits import (
    TAGS_PER_PROFILE,
    Fault,
    cleanable,
    tag_count_fault,
    tag_faults,
    tag_key_fault,
    tag_value_fault,
    tag_values_are_sound,
)
from bulkprof.model import DesiredProfile, Problem, Request
from bulkprof.plugins.registry import Registry
from bulkprof.rules.hooks import ask, cell_problem
from bulkprof.rules.ownership import claim

_CACHE = 4096


class _Keys(NamedTuple):
    """What the keys of a profile's tags say by themselves: rows share them, whatever their values are."""

    sound: bool
    """Whether AWS takes them, and bulkprof's own tags can be added."""
    own: Mapping[str, str]
    """The tags of bulkprof's own that belong to them."""


class Tagging:
    """The tag plugins, in the config's order, and the tags of bulkprof's own."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Raises `ConfigError` for a tag of its own that AWS wouldn't take, or that a plugin's settings name."""
        self._implementations = registry.implementations("bulkprof_tag_profile")
        self._cleaners = {
            found.plugin
            for found in self._implementations
            if getattr(registry.objects.get(found.plugin), "cleans_tags", False)
        }
        self._key, self._estate, self._keys_key = settings.ownership_tag, settings.estate, settings.keys_tag
        self._retire_key = settings.replace.tag
        for name, fault in (
            ("ownership_tag", tag_key_fault(self._key)),
            ("estate", tag_value_fault(self._estate)),
            ("keys_tag", tag_key_fault(self._keys_key) if self._keys_key else None),
            ("replace.tag", tag_key_fault(self._retire_key)),
        ):
            if fault:
                raise ConfigError(f"{name}: {fault.reason}; {fault.remedy}")
        if self._key == self._keys_key:
            raise ConfigError(f"keys_tag: {self._key!r} is the ownership_tag already; choose another key")
        if self._retire_key in (self._key, self._keys_key):
            raise ConfigError(f"replace.tag: {self._retire_key!r} has another meaning already; choose another key")
        for plugin, needed in registry.fields_needed():
            for key in needed.tags & settings.own_tags:
                raise ConfigError(
                    f"[plugins.{plugin}] {needed.setting}: the tag {key!r} is bulkprof's own; leave it out, or give "
                    "bulkprof's another key (ownership_tag, keys_tag and [replace] in the config)"
                )
        self.active = bool(self._implementations)
        self._known_keys: dict[tuple[str, ...], _Keys] = {}

    def tags(self, request: Request, profile: DesiredProfile | None, problems: list[Problem]) -> Mapping[str, str]:
        """All tags of one profile; `profile` is what plugins see of it, None where there are no tag plugins.

        A profile that is disowned has none of bulkprof's own: that is what says so from here on.
        """
        tags = request.tags
        answers: list[tuple[str, Mapping[str, str]]] = []
        if profile is not None:
            for implementation in self._implementations:
                answer = ask(implementation, profile, request, problems)
                if answer is None:
                    continue
                _check(implementation.plugin, answer)
                if answers:
                    makers = _makers(answers, request)
                    problems.extend(_disagreements(implementation.plugin, answer, tags, makers, request))
                # Who said it first is right: the manifest, then the plugins in their order.
                tags = {**tags, **answer, **tags}
                answers.append((implementation.plugin, answer))
        keys = self._known_keys.get(names := tuple(tags)) or self._look_at(names)
        sound = keys.sound and tag_values_are_sound(tags.values())
        tags = {**tags, **keys.own}
        if not sound:
            self._complain(request, tags, keys, _makers(answers, request), problems)
        if request.disown:
            return {key: tags[key] for key in tags if key not in {self._key, self._keys_key}}
        return tags

    def _look_at(self, names: tuple[str, ...]) -> _Keys:
        """What the keys of some tags say, remembered."""
        own = {} if self._key in names else {self._key: self._estate}
        declared = [name for name in names if name != self._key]
        # A profile that has no room for the list goes without: its keys are set, and stay when they are dropped.
        if self._keys_key and self._keys_key not in names and 0 < len(declared) < TAGS_PER_PROFILE - 1:
            own[self._keys_key] = claim(tuple(declared))
        mine = {self._key, self._keys_key, self._retire_key}
        fits = len(names) + len(own) <= TAGS_PER_PROFILE
        found = _Keys(fits and not mine.intersection(names) and not any(map(tag_key_fault, names)), own)
        if len(self._known_keys) >= _CACHE:
            self._known_keys.clear()
        self._known_keys[names] = found
        return found

    def _complain(
        self,
        request: Request,
        tags: Mapping[str, str],
        keys: _Keys,
        makers: Mapping[str, str],
        problems: list[Problem],
    ) -> None:
        """Tell what is wrong with tags."""
        for key, value, fault in tag_faults(tags):
            if key in keys.own:
                continue
            maker = makers.get(key, "")
            if not tag_key_fault(key) and (not maker or maker in self._cleaners):
                fault = cleanable(value, fault, maker or "tags")  # noqa: PLW2901
            problems.append(cell_problem(request, f"tag:{key}", value, fault, maker))
        if tags[self._key] != self._estate:
            what = f"the tag tells which estate a profile belongs to, and this one is {self._estate!r}"
            problems.append(self._own(self._key, what, request, tags, makers))
        if self._retire_key in tags:
            what = "the tag tells when a replaced profile is deleted"
            problems.append(self._own(self._retire_key, what, request, tags, makers))
        if self._keys_key in tags and self._keys_key not in keys.own:
            what = "the tag lists the keys that bulkprof manages"
            problems.append(self._own(self._keys_key, what, request, tags, makers))
        if excess := tag_count_fault(tags):
            ours = Fault(f"{excess.reason}, the rules' and bulkprof's own among them", excess.remedy)
            problems.append(cell_problem(request, "tags", "", ours))

    @staticmethod
    def _own(key: str, what: str, request: Request, tags: Mapping[str, str], makers: Mapping[str, str]) -> Problem:
        """What is wrong with a row or plugin that sets a tag of bulkprof's own."""
        fault = Fault(what, "leave it out: bulkprof sets it (ownership_tag, keys_tag and [replace] in the config)")
        return cell_problem(request, f"tag:{key}", tags[key], fault, makers.get(key, ""))


def _check(plugin: str, answer: Any) -> None:
    """Raise `PluginError` unless what a plugin returned is a mapping of strings."""
    if answer.__class__ is not dict and not isinstance(answer, Mapping):
        raise PluginError(plugin, f"bulkprof_tag_profile returns a mapping or None, not {type(answer).__name__}")
    for key, value in answer.items():
        if not isinstance(value, str) or key.__class__ is not str:
            raise PluginError(plugin, f"bulkprof_tag_profile answered the tag {key!r}: {value!r}; both must be strings")


def _disagreements(
    plugin: str, answer: Mapping[str, str], tags: Mapping[str, str], makers: Mapping[str, str], request: Request
) -> Iterator[Problem]:
    """Two plugins that disagree can't be right; `makers` tells who made which of the `tags` so far."""
    for key, value in answer.items():
        if key in makers and tags[key] != value:
            fault = Fault(
                f"plugin {makers[key]!r} says {tags[key]!r}, plugin {plugin!r} says {value!r}",
                f"let one of them set it, or write it in the manifest as tag:{key}",
            )
            yield cell_problem(request, f"tag:{key}", "", fault)


def _makers(answers: Sequence[tuple[str, Mapping[str, str]]], request: Request) -> dict[str, str]:
    """Which plugin made which tag; the first one counts."""
    return {key: plugin for plugin, answer in reversed(answers) for key in answer if key not in request.tags}
