"""`bulkprof.toml` as settings, table by table: validated whole, unknown keys refused.

Environment variables of the AWS SDK are not repeated here: credentials, Region and endpoint are the SDK's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from bulkprof.config.aliases import ModelAlias
from bulkprof.config.columns import check_columns
from bulkprof.config.fields import OF_TAGS, Count, Percent, Section, Several, split_s3_prefix, split_s3_uri
from bulkprof.config.organization import Organization
from bulkprof.limits import in_a_list, region_fault, tag_key_fault

MOST_TARGETS = 1000
"""Targets at once: each holds a connection or more."""


class Defaults(Section):
    """What a row gets where its cell is empty."""

    model: Several = ()
    account: Several = ()
    region: Several = ()
    description: str | None = None
    clean_description: bool = False
    """Whether descriptions are written as AWS takes them; otherwise one that it refuses is a problem of its row."""


class Run(Section):
    """How hard a run may work."""

    max_calls_in_flight: int = Field(default=64, ge=1, le=1000)
    """Calls whose answers are due. Of those that have gone without one for a second there may be as many again, and two
    for each of `max_targets_in_flight`."""
    max_targets_in_flight: int = Field(default=50, ge=1, le=MOST_TARGETS)
    """Targets at work. Of those that have stopped answering there may be as many again."""
    headroom: float = Field(default=0.0, ge=0.0, le=0.9)
    """The share of each learned rate that is left to others."""
    attempts: int = Field(default=8, ge=1, le=100)
    """Calls per action before it counts as failed; throttled ones are not counted."""
    timeout_s: float = Field(default=30.0, gt=0, le=300)
    """Seconds until an unanswered call counts as ambiguous."""
    settle_s: float = Field(default=10.0, ge=0, le=600)
    """Seconds that a new profile may take to show in lists: how long a lost answer is waited out."""


class Replace(Section):
    """What becomes of a profile that a new one takes the place of."""

    grace_days: float = Field(default=0.0, ge=0, le=3650)
    """Days that it is kept beside the new one, where AWS takes two of one name; 0 deletes it at once."""
    tag: str = Field(default="bulkprof:delete-after", min_length=1, max_length=128, pattern=OF_TAGS)
    """The tag that says until when."""


class Cap(Section):
    """How many of an estate's profiles one run may change in one way: the larger of a share and a count.

    The two are for the whole estate, and two more are for each account.
    """

    percent: Percent
    """Of the estate's profiles that exist."""
    count: Count
    account_percent: Percent
    """Of the estate's profiles in one account."""
    account_count: Count


class Prune(Cap):
    """How many profiles one run may delete. Of an account more than of all: a team that leaves may be most of it."""

    percent: Percent = 10.0
    count: Count = 5
    account_percent: Percent = 25.0
    account_count: Count = 5


class UpdateCap(Cap):
    """Of how many profiles one run may change or remove tags. Tags that are only added don't count.

    By default no account has a cap of its own: a new cost centre may well be that of a whole account.
    """

    percent: Percent = 50.0
    count: Count = 20
    account_percent: Percent = 100.0
    account_count: Count = 20


class ReplacementCap(Cap):
    """How many profiles one run with `--replace` may replace."""

    percent: Percent = 25.0
    count: Count = 20
    account_percent: Percent = 50.0
    account_count: Count = 20


class Caps(Section):
    """How much one run may change, besides what `[prune]` says of deletions."""

    updates: UpdateCap = UpdateCap()
    replacements: ReplacementCap = ReplacementCap()


class Rollout(Section):
    """In which order a run changes targets."""

    canary: int = Field(default=0, ge=0, le=100_000)
    """So many targets are changed first, and the others only if no more fails there than is tolerated; 0 for none."""
    order: Several = ()
    """Regions whose targets are started first, in this order; those of other Regions come after them."""

    @field_validator("order")
    @classmethod
    def _names_regions(cls, order: Several) -> Several:
        for place, region in enumerate(order):
            if fault := region_fault(region):
                fault = in_a_list(region, fault, region_fault)
                raise ValueError(f"{region!r} {fault.reason}; {fault.remedy}")
            if region in order[:place]:
                raise ValueError(f"{region!r} stands in it twice")
        return order


IN_TARGETS = "target"
"""Stands for the account that each profile is in."""


class Catalog(Section):
    """Who calls the profiles of a catalog."""

    account: str | None = Field(default=None, pattern=rf"^(?:[0-9]{{12}}|{IN_TARGETS})$")
    """The account that callers are in, by default the one that runs work from; `target` where each profile is called
    from its own."""
    role: str | None = Field(default=None, pattern=r"^(?:[a-zA-Z0-9_+=,.@/-]+|arn:[^:\s]+:iam::[^:\s]+:role/\S+)$")
    """The role that they assume in other accounts, as `[organization] role` is written. It isn't that role: callers
    need to invoke models, and nothing else."""


class Costs(Section):
    """What of the estate's tags the bill is to count by."""

    activate: Several = ()
    """Tag keys that are activated as cost allocation tags after each run, as soon as billing has seen them."""

    @field_validator("activate")
    @classmethod
    def _are_tag_keys(cls, keys: Several) -> Several:
        for place, key in enumerate(keys):
            if fault := tag_key_fault(key):
                raise ValueError(f"{key!r} {fault.reason}; {fault.remedy}")
            if key in keys[:place]:
                raise ValueError(f"{key!r} stands in it twice")
        return keys


class State(Section):
    """What runs leave for later ones."""

    keep_runs: int = Field(default=365, ge=0, le=1_000_000)
    """So many of the newest runs are kept, and older ones that something still needs; 0 keeps all."""
    s3: str | None = None
    """A folder, `s3://bucket/prefix/`, that the last runs and learned rates come from and go back to, for runners that
    keep no disk."""
    region: str | None = None
    """The bucket's Region, where it isn't the SDK's default one."""

    @field_validator("s3")
    @classmethod
    def _names_a_folder(cls, uri: str | None) -> str | None:
        if uri is not None:
            split_s3_prefix(uri)
        return uri


class Lock(Section):
    """A lock for runners on different machines, besides the one that the state directory always has."""

    s3: str | None = None
    """An object, `s3://bucket/key`, that a run holds while it works; all runs that name it take turns."""
    region: str | None = None
    """The bucket's Region, where it isn't the SDK's default one."""
    expiry_s: float = Field(default=60.0, ge=15, le=3600)
    """Seconds after its last renewal until the lock of a run that died is free."""

    @field_validator("s3")
    @classmethod
    def _names_an_object(cls, uri: str | None) -> str | None:
        if uri is not None:
            split_s3_uri(uri)
        return uri


SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
"""How addresses of dask's schedulers begin."""


class Engine(Section):
    """What carries runs out past this process."""

    name: Literal["none", "dask"] = "none"
    """`dask` shares the targets out to the workers of a dask cluster; `none` works in this process."""
    scheduler: str | None = None
    """The address of dask's scheduler, `tcp://host:8786`; without one, workers are started on this machine."""

    @field_validator("scheduler")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None:
            check_scheduler(address)
        return address


def check_scheduler(address: str) -> None:
    """Raise `ValueError` for what can't be the address of a scheduler."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError(f"must be a scheduler's address, such as tcp://host:8786 or tls://host:8786, not {address!r}")
    if not re.fullmatch(r"[^\s/@]+:[0-9]{1,5}", rest):
        raise ValueError(f"must name a host and a port, such as {scheme}://host:8786, not {address!r}")


class Settings(Section):
    """The whole of `bulkprof.toml`."""

    estate: str = Field(default="default", min_length=1, max_length=256, pattern=OF_TAGS)
    """The name that this set of manifests is managed under; the ownership tag's value."""
    ownership_tag: str = Field(default="bulkprof:estate", min_length=1, max_length=128, pattern=OF_TAGS)
    keys_tag: str = Field(default="bulkprof:keys", max_length=128, pattern=OF_TAGS)
    """The tag that lists the keys which bulkprof manages on a profile; empty for none, and for never removing one."""
    tags: Literal["merge", "exact"] = "merge"
    """`merge` leaves tags alone that were never declared; `exact` removes them."""
    defaults: Defaults = Defaults()
    models: Mapping[str, ModelAlias] = Field(default_factory=dict)
    """Aliases: a short name to a model id, `geo:MODEL-ID`, system profile id or ARN, or a table of them by Region."""
    columns: Mapping[str, Several] = Field(default_factory=dict)
    """What the headers of sheets mean: the sheet's header, or a list of them, by column; `ignore` lists headers."""
    organization: Organization = Organization()
    run: Run = Run()
    replace: Replace = Replace()
    prune: Prune = Prune()
    caps: Caps = Caps()
    rollout: Rollout = Rollout()
    state: State = State()
    lock: Lock = Lock()
    engine: Engine = Engine()
    catalog: Catalog = Catalog()
    costs: Costs = Costs()
    plugins: Mapping[str, dict[str, Any]] = Field(default_factory=dict)
    """One table per active plugin, in the order in which they run."""

    @field_validator("columns")
    @classmethod
    def _mean_one_thing(cls, columns: Mapping[str, Several]) -> Mapping[str, Several]:
        check_columns(columns)
        return columns

    @property
    def own_tags(self) -> frozenset[str]:
        """The keys of the tags that bulkprof itself sets: no manifest has them."""
        return frozenset({self.ownership_tag, self.keys_tag, self.replace.tag})
