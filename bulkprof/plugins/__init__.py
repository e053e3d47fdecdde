"""The public plugin API: everything that a plugin may import from bulkprof.

A plugin is a class (or a module with a class called `Plugin`) made with its settings and context, whose
methods implement hooks; or simply a module of hook functions:

```python
from bulkprof.plugins import DesiredProfile, PluginContext, PluginSettings, hookimpl


class Plugin:
    class Settings(PluginSettings):
        prefix: str

    def __init__(self, settings: Settings, context: PluginContext) -> None:
        self.settings = settings

    @hookimpl
    def bulkprof_name_profile(self, profile: DesiredProfile) -> str | None:
        return f"{self.settings.prefix}-{profile.request.attributes['team']}"
```

Register it under the entry-point group `bulkprof`, or name the file in the config with `path = "rules.py"`.
"""

from bulkprof.catalog.entries import CatalogEntry, CatalogFormat, CatalogText
from bulkprof.catalog.selection import PathTemplate, Where
from bulkprof.errors import AwsError
from bulkprof.limits import Fault, name_fault, tag_count_fault, tag_key_fault, tag_value_fault
from bulkprof.model import (
    Action,
    ActionKind,
    DesiredProfile,
    Outcome,
    OutcomeKind,
    Problem,
    RawRow,
    Request,
    Severity,
    Target,
)
from bulkprof.plugins.api import (
    ClientFactory,
    FinishedRun,
    GiveUpError,
    NeededField,
    PacedClient,
    PacedFactory,
    PlanOverview,
    PluginContext,
    PluginSettings,
    PolicyHolder,
    PolicyRequest,
    Reader,
    RunContext,
    Sink,
    Source,
)
from bulkprof.plugins.fields import FieldReader, field_reader, missing_field
from bulkprof.plugins.hookspecs import hookimpl
from bulkprof.plugins.http_client import HttpAnswer, HttpError, http_post
from bulkprof.plugins.news import TellWhen, first_failures, is_news
from bulkprof.plugins.patterns import Pattern, PatternTooSlowError
from bulkprof.plugins.results import RESULT_COLUMNS, outcome_cells, outcome_json, outcome_record
from bulkprof.plugins.secret_values import (
    SecretError,
    SecretValue,
    is_safe_url,
    secret_from_environment,
    secret_from_manager,
    secret_permissions,
)
from bulkprof.plugins.tables import read_table
from bulkprof.system.files import write_text
from bulkprof.text.cleaning import DESCRIPTIONS, NAMES, TAG_VALUES, Allowed, Cleaned, clean
from bulkprof.text.printable import printable, printable_lines
from bulkprof.totals import RunSummary, SinceLast

__all__ = [
    "DESCRIPTIONS",
    "NAMES",
    "RESULT_COLUMNS",
    "TAG_VALUES",
    "Action",
    "ActionKind",
    "Allowed",
    "AwsError",
    "CatalogEntry",
    "CatalogFormat",
    "CatalogText",
    "Cleaned",
    "ClientFactory",
    "DesiredProfile",
    "Fault",
    "FieldReader",
    "FinishedRun",
    "GiveUpError",
    "HttpAnswer",
    "HttpError",
    "NeededField",
    "Outcome",
    "OutcomeKind",
    "PacedClient",
    "PacedFactory",
    "PathTemplate",
    "Pattern",
    "PatternTooSlowError",
    "PlanOverview",
    "PluginContext",
    "PluginSettings",
    "PolicyHolder",
    "PolicyRequest",
    "Problem",
    "RawRow",
    "Reader",
    "Request",
    "RunContext",
    "RunSummary",
    "SecretError",
    "SecretValue",
    "Severity",
    "SinceLast",
    "Sink",
    "Source",
    "Target",
    "TellWhen",
    "Where",
    "clean",
    "field_reader",
    "first_failures",
    "hookimpl",
    "http_post",
    "is_news",
    "is_safe_url",
    "missing_field",
    "name_fault",
    "outcome_cells",
    "outcome_json",
    "outcome_record",
    "printable",
    "printable_lines",
    "read_table",
    "secret_from_environment",
    "secret_from_manager",
    "secret_permissions",
    "tag_count_fault",
    "tag_key_fault",
    "tag_value_fault",
    "write_text",
]
