"""What a profile is called: the row's own name, or the first one that a naming plugin returns."""

from __future__ import annotations

from bulkprof.errors import PluginError
from bulkprof.limits import NAME, NAME_LENGTH, Fault, name_fault
from bulkprof.model import DesiredProfile, Problem, Request
from bulkprof.plugins.registry import Implementation, Registry
from bulkprof.rules.hooks import ask, cell_problem

_NO_NAME = Fault(
    "the row has no name and no naming rule gave it one", "fill the column name, or set a [plugins.naming]"
)


class Unnamed(DesiredProfile):
    """A profile that gets no name, as plugins see it; it notices whether one looks at the name.

    What a plugin says without a look at it holds for the row, whatever the name will be.
    """

    asked: bool = False

    @property
    def name(self) -> str:
        """Empty."""
        vars(self)["asked"] = True
        return ""


class Naming:
    """The naming plugins, in the config's order."""

    def __init__(self, registry: Registry) -> None:
        self._all = registry.implementations("bulkprof_name_profile")
        self._enforcing = tuple(
            found for found in self._all if getattr(registry.objects.get(found.plugin), "enforce_names", False)
        )
        self.are_made = False
        """Whether a profile without a name of its own came up."""

    def concerns(self, name: str | None) -> bool:
        """Whether a plugin has a say in a profile whose row calls it `name`."""
        return bool(self._enforcing if name else self._all)

    def name(self, profile: DesiredProfile, problems: list[Problem]) -> str:
        """The name that holds for `profile`, or nothing after a problem."""
        if profile.name:
            return self._enforced(profile, problems)
        self.are_made = True
        before = len(problems)
        answer, plugin = _first(self._all, profile, problems)
        if answer is None:
            if len(problems) == before:
                problems.append(cell_problem(profile.request, "name", "", _NO_NAME))
            return ""
        check_name(profile.request, answer, problems, plugin)
        return answer

    def _enforced(self, profile: DesiredProfile, problems: list[Problem]) -> str:
        answer, plugin = _first(self._enforcing, profile, problems)
        if answer is not None and answer != profile.name:
            fault = Fault(
                f"plugin {plugin!r} enforces the name {answer!r}", "write that, or leave the cell empty to get it"
            )
            problems.append(cell_problem(profile.request, "name", profile.name, fault))
        return profile.name


def _first(
    implementations: tuple[Implementation, ...], profile: DesiredProfile, problems: list[Problem]
) -> tuple[str | None, str]:
    """Return the first name, and its plugin. A plugin that complained is not passed over: its row has no name."""
    before = len(problems)
    for implementation in implementations:
        answer = ask(implementation, profile, profile.request, problems)
        if answer is not None:
            if not isinstance(answer, str):
                kind = type(answer).__name__
                raise PluginError(implementation.plugin, f"bulkprof_name_profile returns a string or None, not {kind}")
            return answer, implementation.plugin
        if len(problems) > before:
            break
    return None, ""


def check_name(request: Request, name: str, problems: list[Problem], plugin: str = "") -> None:
    """Hold a name to AWS's limits, the row's own or a plugin's."""
    if (len(name) > NAME_LENGTH or not NAME.fullmatch(name)) and (fault := name_fault(name)):
        problems.append(cell_problem(request, "name", name, fault, plugin))
