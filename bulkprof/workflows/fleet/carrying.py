"""What goes with a share besides its rows, and what comes back: settings, learned rates, recent changes.

No secret is among it, and no plugin's setting: workers find their own credentials and need no plugin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from bulkprof.config import Settings
from bulkprof.model import Target
from bulkprof.pacing.rates import RateStore
from bulkprof.store.history.recent import NO_CHANGES, RecentChanges, RecentRuns

_SETTINGS: Final = {"estate", "ownership_tag", "keys_tag", "tags", "run", "replace"}
"""The part of the config that a worker needs, besides `_ORGANIZATION`."""
# An external id is no secret, says AWS, and without it roles that ask for one can't be assumed.
_ORGANIZATION: Final = {"role", "via", "external_id", "session_name", "duration_s"}
_RECENT: Final = TypeAdapter(dict[str, RecentChanges])


def settings_json(settings: Settings) -> dict[str, Any]:
    """Return what shares carry of the config."""
    found: dict[str, Any] = settings.model_dump(mode="json", include=_SETTINGS, exclude_defaults=True)
    organization = settings.organization
    return {**found, "organization": organization.model_dump(mode="json", include=_ORGANIZATION, exclude_defaults=True)}


def keep_rates(rates: RateStore, found: Iterable[Mapping[str, Any]]) -> str | None:
    """Keep rates that came with shares, as `RateStore.of` returned them: blocks.

    Returns what went wrong, in words, or None.
    """
    problems = [rates.take(learned) for learned in found if learned]
    return next(filter(None, [*problems, rates.save({}) if problems else None]), None)


def recent_json(recent: RecentRuns, targets: Collection[Target]) -> dict[str, Any]:
    """Return what earlier runs changed in `targets` that AWS's lists may not show yet: blocks."""
    found = {str(target): changes for target in targets if (changes := recent.of(target)) != NO_CHANGES}
    values: dict[str, Any] = _RECENT.dump_python(found, mode="json")
    return values


def recent_of(values: Mapping[str, Any]) -> dict[Target, RecentChanges]:
    """Return what `recent_json` returned as it was."""
    places = {place: place.partition("/") for place in values}
    found = _RECENT.validate_python(values)
    return {Target(account, region): found[place] for place, (account, _, region) in places.items()}
