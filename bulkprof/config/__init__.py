"""The config: `bulkprof.toml` as settings, and how it is read."""

from bulkprof.config.aliases import DEFAULT_KEY, model_in, models_by_region
from bulkprof.config.buckets import named_buckets
from bulkprof.config.columns import ColumnNames
from bulkprof.config.fields import is_s3, split_s3_prefix, split_s3_uri
from bulkprof.config.loading import DEFAULT_FILE, Config, load, parsed
from bulkprof.config.organization import CHAINED_S, Organization
from bulkprof.config.settings import (
    IN_TARGETS,
    MOST_TARGETS,
    Cap,
    Caps,
    Catalog,
    Costs,
    Defaults,
    Engine,
    Lock,
    Prune,
    Replace,
    Rollout,
    Run,
    Settings,
    State,
    check_scheduler,
)

__all__ = [
    "CHAINED_S",
    "DEFAULT_FILE",
    "DEFAULT_KEY",
    "IN_TARGETS",
    "MOST_TARGETS",
    "Cap",
    "Caps",
    "Catalog",
    "ColumnNames",
    "Config",
    "Costs",
    "Defaults",
    "Engine",
    "Lock",
    "Organization",
    "Prune",
    "Replace",
    "Rollout",
    "Run",
    "Settings",
    "State",
    "check_scheduler",
    "is_s3",
    "load",
    "model_in",
    "models_by_region",
    "named_buckets",
    "parsed",
    "split_s3_prefix",
    "split_s3_uri",
]
