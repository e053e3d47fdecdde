"""From what exists to the rows of a manifest that wants just that. Pure.

A row is written only where reading it back means the same profile; whatever a manifest can't say is told as a problem:
an error leaves the profile out, a warning leaves out a description or tags, which a plan then leaves alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bulkprof.config import Settings, model_in
from bulkprof.errors import InvalidRequestError
from bulkprof.limits import TAGS_PER_PROFILE, Fault, description_fault, name_fault, tag_key_fault, tag_value_fault
from bulkprof.model import EMPTY, ObservedProfile, Problem, Severity, Target
from bulkprof.profiles.catalogue import Catalogue
from bulkprof.rules.sources import SourceArn, form_fault, parse_arn
from bulkprof.text.looks import TAG_PREFIX, tag_key

Row = dict[str, str]


@dataclass(slots=True)
class TargetExport:
    """One target's rows, and what no row can say."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    """Profiles that no row could be written for; a problem tells of each."""
    foreign: Counter[str] = field(default_factory=Counter)
    """Profiles of other estates, which are theirs to export."""


class Exporter:
    """Writes rows by the config that they will be read with."""

    def __init__(self, settings: Settings, *, estate_only: bool = False) -> None:
        """`estate_only` leaves profiles without the estate's ownership tag out, unmentioned."""
        self._settings = settings
        self._estate_only = estate_only
        # A cell is stripped, and split at each |.
        self._aliases = {alias: model for alias, model in settings.models.items() if _is_cell(alias)}

    def export(self, target: Target, observed: Iterable[ObservedProfile], catalogue: Catalogue | None) -> TargetExport:
        """The rows of a target. `observed` has all tags; `catalogue` is None where it can't be read."""
        found = TargetExport()
        by_name: dict[str, list[ObservedProfile]] = {}
        for profile in observed:
            owner = (profile.tags or EMPTY).get(self._settings.ownership_tag)
            if owner not in {None, self._settings.estate}:
                found.foreign[str(owner)] += 1
            elif owner is not None or not self._estate_only:
                by_name.setdefault(profile.name, []).append(profile)
        aliases = self._aliases_by_models(target, catalogue)
        tags = _Tags(self._settings, target)
        for profiles in (self._current(by_name[name]) for name in sorted(by_name)):
            if len(profiles) > 1:
                found.problems.append(_duplicates(target, profiles))
                found.left_out += len(profiles)
                continue
            (profile,) = profiles
            model = aliases.get(frozenset(profile.model_arns)) or self._model(target, profile, catalogue)
            if problem := self._unwritable(target, profile, model, readable=catalogue is not None):
                found.problems.append(problem)
                found.left_out += 1
                continue
            row = {
                "name": profile.name,
                "model": model,
                "description": self._description(profile, found.problems),
                "account": target.account,
                "region": target.region,
            }
            found.rows.append(row | tags.cells(profile))
        found.problems.extend(tags.problems())
        return found

    def _current(self, profiles: list[ObservedProfile]) -> list[ObservedProfile]:
        """Those of one name that weren't replaced, or all where no successor is left."""
        return [each for each in profiles if self._settings.replace.tag not in (each.tags or EMPTY)] or profiles

    def _aliases_by_models(self, target: Target, catalogue: Catalogue | None) -> Mapping[frozenset[str], str]:
        """The config's aliases by what a profile of each lists in this target."""
        names: dict[frozenset[str], str] = {}
        for alias, model in sorted(self._aliases.items()):
            source = model_in(model, target.region)
            if catalogue is None or source is None:
                continue
            try:
                names.setdefault(catalogue.resolve(source, target).model_arns, alias)
            except InvalidRequestError:
                continue  # an alias for other Regions
        return names

    def _model(self, target: Target, profile: ObservedProfile, catalogue: Catalogue | None) -> str:
        """The model as a cell that no alias changes the meaning of, or nothing."""
        if catalogue is None:
            likely = _lone_model(profile, target)
        elif source := catalogue.source_of(profile.model_arns):
            likely = [source, catalogue.resolve(source, target).arn]
        else:
            return ""
        fit = (source for source in likely if source not in self._settings.models and not form_fault(source, None))
        return next(fit, "")

    def _unwritable(self, target: Target, profile: ObservedProfile, model: str, *, readable: bool) -> Problem | None:
        """Why the profile gets no row."""
        fault = name_fault(profile.name) or _padding(profile.name)
        if fault:
            return _left_out(profile, "name", profile.name, fault.reason, "a manifest can't name it")
        if not model:
            listed = ", ".join(sorted(profile.model_arns)) or "no model"
            if not readable:
                return _left_out(profile, "model", listed, "its source can't be told", _NO_CATALOGUE)
            return _left_out(profile, "model", listed, f"nothing in {target.region} lists just this", _NO_SOURCE)
        tags = profile.tags or EMPTY
        count = sum(1 for key in tags if not _of_aws(key) and key not in self._settings.own_tags)
        if count >= TAGS_PER_PROFILE:
            reason = f"has {count} tags, which leaves no room for {self._settings.ownership_tag}"
            return _left_out(profile, "tags", "", reason, "remove one of them")
        return None

    def _description(self, profile: ObservedProfile, problems: list[Problem]) -> str:
        text = profile.description or ""
        fault = (description_fault(text) or _padding(text)) if text else None
        if fault:
            remedy = "left out, so a plan doesn't look at it"
            problems.append(_warning(profile, "description", text, fault.reason, remedy))
            text = ""
        default = self._settings.defaults.description
        if not text and default and default != profile.description:
            reason = "[defaults] description would stand for the one that it doesn't have"
            problems.append(_warning(profile, "description", "", reason, "a plan shows that as a replacement"))
        return text


class _Tags:
    """Tags as cells; the ones that can't be written are told once a key, not once a profile."""

    def __init__(self, settings: Settings, target: Target) -> None:
        self._own = settings.own_tags
        self._fate = 'tags = "exact" would remove it' if settings.tags == "exact" else "a plan leaves it alone"
        self._target = target
        self._bad: dict[tuple[str, str], list[str]] = {}

    def cells(self, profile: ObservedProfile) -> Row:
        """The `tag:KEY` cells of a profile, without the tags that bulkprof and AWS set."""
        cells = {}
        for key, value in sorted((profile.tags or EMPTY).items()):
            if key in self._own or _of_aws(key):
                continue
            if reason := _tag_reason(key, value):
                self._bad.setdefault((key, reason), []).append(profile.arn)
            else:
                cells[f"tag:{key}"] = value
        return cells

    def problems(self) -> Iterator[Problem]:
        """A warning for each key and reason."""
        for (key, reason), arns in self._bad.items():
            more = f" and {len(arns) - 1} more" if len(arns) > 1 else ""
            message = f"left out of {arns[0]}{more}: {reason}"
            yield Problem(message, str(self._target), 0, f"tag:{key}", "", self._fate, Severity.WARNING)


def _tag_reason(key: str, value: str) -> str:
    """Why a manifest can't hold the tag; nothing when it can."""
    if not value:
        return "it is empty, which a manifest takes for not given"
    fault = tag_key_fault(key) or tag_value_fault(value) or _padding(key) or _padding(value)
    if fault is None and not (key.isprintable() and value.isprintable()):
        return "it holds a line break or tab"
    if fault is None and tag_key(f"{TAG_PREFIX}{key}") != key:
        return "its key has spaces side by side, which a column's name doesn't keep"
    return fault.reason if fault else ""


def _lone_model(profile: ObservedProfile, target: Target) -> Sequence[str]:
    """Without a catalogue: the one model of this Region that a profile lists, by its id."""
    arns = profile.model_arns
    parsed = parse_arn(arns[0]) if len(arns) == 1 else None
    return (parsed.id, arns[0]) if isinstance(parsed, SourceArn) and parsed.region == target.region else ()


def _duplicates(target: Target, profiles: Sequence[ObservedProfile]) -> Problem:
    arns = " and ".join(sorted(profile.arn for profile in profiles))
    message = f"is the name of {len(profiles)} profiles: {arns}"
    return Problem(message, str(target), 0, "name", profiles[0].name, "left out: delete one, and export again")


def _left_out(profile: ObservedProfile, column: str, value: str, reason: str, remedy: str) -> Problem:
    return Problem(reason, profile.arn, 0, column, value, f"left out: {remedy}")


def _warning(profile: ObservedProfile, column: str, value: str, reason: str, remedy: str) -> Problem:
    return Problem(reason, profile.arn, 0, column, value, remedy, Severity.WARNING)


def _padding(value: str) -> Fault | None:
    if value == value.strip():
        return None
    return Fault("begins or ends with a space, which a manifest doesn't keep", "")


def _is_cell(alias: str) -> bool:
    return bool(alias) and alias == alias.strip() and "|" not in alias


def _of_aws(key: str) -> bool:
    return key[:4].lower() == "aws:"


_NO_SOURCE = "its model is gone, or AWS changed what the system profile routes to since it was made"
_NO_CATALOGUE = "allow bedrock:ListFoundationModels and bedrock:ListInferenceProfiles, and export again"
