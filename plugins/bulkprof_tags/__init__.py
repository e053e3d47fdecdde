"""Tags profiles from fixed values, their row's columns and lookup files, and checks the tags.

```toml
[plugins.tags]
fixed = { ManagedBy = "platform" }
columns = { Team = "team", Environment = "env" }
lookup = [{ file = "cost-centers.csv", by = "team", tags = { CostCenter = "cost_center" } }]
required = ["Team", "CostCenter"]
allowed = { Environment = ["dev", "prod"], CostCenter = "CC-[0-9]{4}" }
```

Tags that the manifest gives itself (`tag:KEY`) win over these. An empty cell gives no tag. With `clean = true`,
values of all of them that AWS would refuse are written as it takes them: `Søk & Innsikt` as `Sok Innsikt`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from bulkprof.plugins import (
    DesiredProfile,
    NeededField,
    Pattern,
    PluginContext,
    Problem,
    Request,
    field_reader,
    hookimpl,
    tag_count_fault,
)
from bulkprof_tags.lookup import Lookup
from bulkprof_tags.settings import TagsSettings
from bulkprof_tags.values import fit

__all__ = ["Plugin", "TagsSettings"]


class Plugin:
    """The plugin: implements `bulkprof_tag_profile` and `bulkprof_check_profile`."""

    Settings = TagsSettings
    independent_rows = True
    cleans_tags = True

    def __new__(cls, settings: TagsSettings, _context: PluginContext) -> Plugin:
        """Make one that has the hook about rows where it has work to do: each hook takes time for each row."""
        return super().__new__(_CleaningPlugin if settings.clean else cls)

    def __init__(self, settings: TagsSettings, context: PluginContext) -> None:
        self.fields_read = (*settings.columns.values(), *(one.by for one in settings.lookup))
        self.fields_needed = (
            *(NeededField(column, "columns", frozenset({key})) for key, column in settings.columns.items()),
            *(
                NeededField(one.by, f"lookup ({one.file}) by", frozenset(one.tags))
                for one in settings.lookup
                # With "error", each row that lacks it gets a problem of its own.
                if one.missing != "error"
            ),
        )
        self._fixed = dict(settings.fixed)
        self._columns = tuple((key, field_reader(column)) for key, column in settings.columns.items())
        self._clean = lru_cache(maxsize=1 << 14)(fit) if settings.clean else None
        self._lookups = tuple(Lookup(one, context.directory, clean=settings.clean) for one in settings.lookup)
        self._required = settings.required
        self._allowed = tuple((key, _accepts(allowed), allowed) for key, allowed in settings.allowed.items())
        self._has_checks = bool(self._lookups or self._required or self._allowed)

    @hookimpl
    def bulkprof_permissions(self) -> tuple[()]:
        """Return none: the plugin makes no call."""
        return ()

    @hookimpl
    def bulkprof_tag_profile(self, profile: DesiredProfile) -> Mapping[str, str]:
        """Return the profile's tags by the settings. Keys that a lookup lacks are reported by the check."""
        tags = self._fixed.copy()
        for key, read in self._columns:
            value = read(profile)
            if value:
                tags[key] = self._clean(value) if self._clean else value
        for lookup in self._lookups:
            tags.update(lookup.tags_of(profile))
        return tags

    @hookimpl
    def bulkprof_check_profile(self, profile: DesiredProfile) -> Iterable[Problem]:
        """Return problems: lookups without a line for the row, missing required tags, values that aren't allowed."""
        tags = profile.tags
        problems: list[Problem] = []
        too_many = tag_count_fault(tags)
        if not self._has_checks and not too_many:
            return problems
        explained: frozenset[str] = frozenset()
        for lookup in self._lookups:
            if problem := lookup.problem(profile):
                problems.append(problem)
                explained |= lookup.keys
        for key in self._required:
            if not tags.get(key) and key not in explained:
                remedy = "give it in the row, or by a tag rule"
                problems.append(Problem(f"the tag {key!r} is required", column=f"tag:{key}", remedy=remedy))
        for key, accepts, allowed in self._allowed:
            value = tags.get(key)
            if value is not None and not accepts(value):
                problems.append(_not_allowed(key, value, allowed))
        if too_many:
            # bulkprof says how many there may be; which ones there are shows where they come from.
            problems.append(Problem(f"the {len(tags)} tags are {', '.join(sorted(tags))}", column="tags"))
        return problems


class _CleaningPlugin(Plugin):
    """The plugin with `clean = true`: implements `bulkprof_prepare_request`, too."""

    @hookimpl
    def bulkprof_prepare_request(self, request: Request) -> Request | None:
        """Return the row with its own tags cleaned."""
        if not request.tags:
            return None
        return replace(request, tags={key: fit(value) for key, value in request.tags.items()})


def _accepts(allowed: tuple[str, ...] | Pattern) -> Callable[[str], object]:
    """Return a function that is true for allowed values. It is called for each profile, so it is a fast one."""
    # Values repeat, and a cached result is quicker than matching a pattern.
    return (
        lru_cache(maxsize=1 << 14)(allowed.fullmatch)
        if isinstance(allowed, Pattern)
        else frozenset(allowed).__contains__
    )


def _not_allowed(key: str, value: str, allowed: tuple[str, ...] | Pattern) -> Problem:
    if isinstance(allowed, Pattern):
        remedy = f"the value must match {allowed.pattern!r}"
    else:
        near = difflib.get_close_matches(value, allowed, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(allowed)}"
    return Problem("is not an allowed value", column=f"tag:{key}", value=value, remedy=remedy)
