"""The hooks: what a plugin can do, when each is called, and what it should return.

Mark an implementation with `bulkprof.plugins.hookimpl`. An implementation may leave out arguments that it
doesn't need. Hooks are called in the order in which the config names their plugins. They are synchronous;
I/O is done by objects with async methods that a hook returns (a `Reader`, a `Sink`).

A plugin whose attribute `independent_rows` is true promises that what its hooks about rows return depends only on their
argument and the settings. Large manifests may then be processed in several processes, each with a plugin object of its
own that gets some of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from bulkprof.catalog.entries import CatalogFormat
from bulkprof.model import DesiredProfile, Problem, Request
from bulkprof.plugins.api import PlanOverview, PolicyRequest, Reader, RunContext, Sink
from bulkprof.totals import RunSummary

PROJECT = "bulkprof"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)
"""Marks a function or method as the implementation of the hook of the same name."""


@hookspec
def bulkprof_readers() -> Mapping[str, Reader] | None:
    """Fires once, before manifests are read. Return manifest readers by file suffix: `{".txt": reader}`.

    A suffix that bulkprof reads itself (`.csv`, `.json`, `.jsonl`) or that two plugins claim is an error. What it reads
    by the library of an extra (`.xlsx`, `.yaml`, …) may be read by a plugin instead.
    """


@hookspec
def bulkprof_prepare_request(request: Request) -> Request | None:
    """Fires for each row that could be read, before it fans out. Return the row, enriched, or None to leave it.

    Its values may still break AWS's limits (a description with a comma, an unknown Region): they are checked
    after all plugins, so a plugin may correct them.
    Each plugin gets the row as the one before it returned it. `dataclasses.replace(request, …)` makes the new one;
    its `file` and `line` must stay. Rows can't be dropped here: say what is wrong in `bulkprof_check_profile`.
    """


@hookspec(firstresult=True)
def bulkprof_name_profile(profile: DesiredProfile) -> str | None:
    """Fires for each desired profile without a name of its own; `profile.name` is then empty.

    Where the plugin's attribute `enforce_names` is true, it fires for profiles with a name too, and
    must return that name, else the row has a problem. Return a name or None; the first name that is returned is used.
    Raise `ValueError` with a message for the user when the row lacks what the name needs.
    """


@hookspec
def bulkprof_tag_profile(profile: DesiredProfile) -> Mapping[str, str] | None:
    """Fires for each desired profile, named by now. Return tags to merge with those of the manifest.

    `profile.tags` holds the manifest's own tags, which win over returned ones. Two plugins that return different
    values for a key are a problem that names both. Raise `ValueError` with a message for the user when the
    row lacks what a tag needs.
    """


@hookspec
def bulkprof_check_profile(profile: DesiredProfile) -> Iterable[Problem] | None:
    """Fires for each desired profile, complete with name and tags. Return problems; an error refuses the row.

    File and line are filled in where the problem has none. Nothing has been sent yet.
    """


@hookspec
def bulkprof_check_plan(plan: PlanOverview) -> Iterable[Problem] | None:
    """Fires once, before anything is changed. Return problems: any error vetoes the whole run (exit 4)."""


@hookspec
def bulkprof_sinks(run: RunContext) -> Iterable[Sink] | None:
    """Fires once for each run that changes things, before its first change, and again to redeliver. Return sinks."""


@hookspec
def bulkprof_run_finished(summary: RunSummary) -> None:
    """Fires once, after the sinks are done or given up. An exception is reported and changes nothing."""


@hookspec
def bulkprof_permissions(policy: PolicyRequest) -> Iterable[Mapping[str, Any]] | None:
    """Fires once for each policy of `bulkprof iam-policy`. Return the IAM statements that the plugin's own calls need.

    Each is a mapping with `Sid`, `Effect`, `Action` and `Resource`, as narrow as AWS allows. A plugin that makes no
    call for the policy's holder returns an empty list; one without this hook is named in a warning.
    """


@hookspec
def bulkprof_catalog_formats() -> Mapping[str, CatalogFormat] | None:
    """Fires when a catalog is asked for, and in each run that changes things. Return formats by name.

    A format is a pure function from entries to a file's text. A name that bulkprof has itself (`json`, `litellm`), or
    that two plugins claim, is an error.
    """
