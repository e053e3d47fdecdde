"""The config: `bulkprof.toml` as settings, and how it is read."""

from bulkprof.config.columns import ColumnNames
from bulkprof.config.fields import split_s3_uri
from bulkprof.config.loading import DEFAULT_FILE, Config, load
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
    "load",
    "split_s3_uri",
]
