"""The config: `bulkprof.toml` as settings, and how it is read."""

from bulkprof.config.aliases import DEFAULT_KEY, model_in, models_by_region
from bulkprof.config.buckets import named_buckets
from bulkprof.config.fields import split_s3_uri
from bulkprof.config.loading import DEFAULT_FILE, Config, load
from bulkprof.config.organization import CHAINED_S, Organization
from bulkprof.config.settings import (
    MOST_TARGETS,
    Cap,
    Caps,
    Catalog,
    Costs,
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
    "DEFAULT_KEY",
    "MOST_TARGETS",
    "Cap",
    "Caps",
    "Catalog",
    "Config",
    "Costs",
    "Defaults",
    "Lock",
    "Organization",
    "Prune",
    "Replace",
    "Rollout",
    "Run",
    "Settings",
    "load",
    "model_in",
    "models_by_region",
    "named_buckets",
    "split_s3_uri",
]
