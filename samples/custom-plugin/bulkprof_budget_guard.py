"""Two rules of a finance team: no expensive model for a sandbox, and no plan that creates surprisingly much.

```toml
[plugins.budget-guard]
expensive = ["claude-opus", "nova-premier"]
max_creates = 500
```
"""

from collections.abc import Iterable

from bulkprof.plugins import (
    ActionKind,
    DesiredProfile,
    PlanOverview,
    PluginContext,
    PluginSettings,
    Problem,
    hookimpl,
)


class Settings(PluginSettings):
    """`[plugins.budget-guard]`: bulkprof refuses unknown keys and wrong types before it makes the plugin."""

    expensive: tuple[str, ...] = ()
    """Parts of model ids."""
    environment: str = "sandbox"
    """The value of the column `env` that may not have them."""
    max_creates: int = 100


class Plugin:
    """Made once a run, with its settings."""

    Settings = Settings
    fields_read = ("env",)

    def __init__(self, settings: Settings, _context: PluginContext) -> None:
        self.settings = settings

    @hookimpl
    def bulkprof_check_profile(self, profile: DesiredProfile) -> Iterable[Problem]:
        """Fires for each profile. `source` is the model id, whatever alias the manifest uses."""
        if profile.request.attributes.get("env") != self.settings.environment:
            return
        for family in self.settings.expensive:
            if family in profile.source:
                yield Problem(
                    f"{family} is not for {self.settings.environment}",
                    column="model",
                    value=profile.model,
                    remedy="choose a smaller model, or another env",
                )

    @hookimpl
    def bulkprof_check_plan(self, plan: PlanOverview) -> Iterable[Problem]:
        """Fires once, before anything is changed. An error stops the run."""
        creates = plan.counts.get(ActionKind.CREATE, 0)
        if creates > self.settings.max_creates:
            yield Problem(
                f"the plan creates {creates} profiles, and {self.settings.max_creates} are allowed at once",
                remedy="split the manifest, or raise max_creates under [plugins.budget-guard]",
            )
