"""The config: `bulkprof.toml` as settings, and how it is read."""

from bulkprof.config.columns import ColumnNames
from bulkprof.config.fields import is_s3, split_s3_uri
from bulkprof.config.loading import DEFAULT_FILE, Config, load, parsed
from bulkprof.config.organization import CHAINED_S, Organization
from bulkprof.config.settings import (
    MOST_TARGETS,
    Defaults,
    Lock,
    Prune,
    Replace,
    Run,
    Settings,
)

__all__ = [
    "CHAINED_S",
    "DEFAULT_FILE",
    "MOST_TARGETS",
    "ColumnNames",
    "Config",
    "Defaults",
    "Lock",
    "Organization",
    "Prune",
    "Replace",
    "Run",
    "Settings",
    "is_s3",
    "load",
    "parsed",
    "split_s3_uri",
]
