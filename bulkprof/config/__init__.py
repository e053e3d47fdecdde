"""The config: `bulkprof.toml` as settings, and how it is read."""

from bulkprof.config.fields import split_s3_uri
from bulkprof.config.loading import DEFAULT_FILE, Config, load
from bulkprof.config.organization import CHAINED_S, Organization
from bulkprof.config.settings import (
    MOST_TARGETS,
    Cap,
    Caps,
    Defaults,
    Lock,
    Prune,
    Replace,
    Rollout,
    Run,
    Settings,
)

__all__ = [
    "CHAINED_S",
    "DEFAULT_FILE",
    "MOST_TARGETS",
    "Cap",
    "Caps",
    "Config",
    "Defaults",
    "Lock",
    "Organization",
    "Prune",
    "Replace",
    "Rollout",
    "Run",
    "Settings",
    "load",
    "split_s3_uri",
]
