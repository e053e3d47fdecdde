"""What options put in the place of the config."""

from __future__ import annotations

from bulkprof.config import MOST_TARGETS, Engine, Settings, check_scheduler
from bulkprof.errors import UsageError
from bulkprof.workflows.options import Options


def overridden(options: Options) -> Settings:
    """The config's settings, with what the options put in their place. Raises `UsageError`."""
    settings, width = options.config.settings, options.max_targets_in_flight
    engine = _engine(options)
    if width is None:
        return settings.model_copy(update={"engine": engine})
    if not 1 <= width <= MOST_TARGETS:
        raise UsageError(f"--max-targets-in-flight {width}: must be from 1 to {MOST_TARGETS}")
    run = settings.run.model_copy(update={"max_targets_in_flight": width})
    return settings.model_copy(update={"run": run, "engine": engine})


def _engine(options: Options) -> Engine:
    """What carries the run out. Raises `UsageError`."""
    given, scheduler = options.config.settings.engine, options.scheduler
    name = options.engine or given.name
    if name not in {"none", "dask"}:
        raise UsageError(f"--engine {name}: there is dask, and none for this process alone")
    if scheduler is None or options.engine == "none":
        return given.model_copy(update={"name": str(name)})
    if name == "none":
        raise UsageError(f"--scheduler {scheduler}: only with an engine; add --engine dask, or leave it out")
    try:
        check_scheduler(scheduler)
    except ValueError as error:
        raise UsageError(f"--scheduler: {error}") from None
    return given.model_copy(update={"name": str(name), "scheduler": scheduler})
