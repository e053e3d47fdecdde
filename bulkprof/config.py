"""`bulkprof.toml` as settings: read once, validated whole, unknown keys refused.

Environment variables of the AWS SDK are not repeated here: credentials, Region and endpoint are the SDK's own.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from bulkprof.errors import ConfigError
from bulkprof.limits import ACCOUNT_ALIAS, account_fault, in_a_list
from bulkprof.text.findings import validation_lines
from bulkprof.text.printable import printable_lines

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DEFAULT_FILE = "bulkprof.toml"
MOST_TARGETS = 1000
"""Targets at once: each holds a connection or more."""


def _as_tuple(value: Any) -> Any:
    """Let a single value stand for a list of one, as manifests do."""
    return (value,) if isinstance(value, str) else value


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. Raises `ValueError` that says what is wrong, without quoting the value."""
    parts = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", uri, re.DOTALL)
    if parts is None:
        raise ValueError("write it as s3://bucket/key, with a bucket's name and an object's key")
    bucket, key = parts.groups()
    if key.endswith("/") or len(key.encode()) > 1024 or not key.isprintable():
        raise ValueError("the key must name an object: no slash at its end, at most 1024 bytes, no control characters")
    return bucket, key


_OF_TAGS = r"^[a-zA-Z0-9\s._:/=+@-]*$"
"""The characters of tag keys and values. Lengths are limited beside it: a count in a pattern takes long to compile."""

Several = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Section(BaseModel):
    """A table of the config; a misspelt key is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Defaults(Section):
    """What a row gets where its cell is empty."""

    model: Several = ()
    account: Several = ()
    region: Several = ()
    description: str | None = None


CHAINED_S = 3600
"""Seconds that a session lasts at most whose role was assumed from another role's session: AWS's limit."""


class Organization(Section):
    """How other accounts are entered, and what they are called."""

    role: str | None = Field(default=None, pattern=r"^(?:[a-zA-Z0-9_+=,.@/-]+|arn:[^:\s]+:iam::[^:\s]+:role/\S+)$")
    """A role's name, with its path if it has one, or an ARN template with `{account}` (and `{partition}`).

    Assumed for every account but the caller's own and the hub's.
    """
    via: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@/-]+$")
    """A hub role's ARN: assumed first, and from it the roles of other accounts; it reads the organization, too."""
    external_id: str | None = Field(default=None, min_length=2, max_length=1224, pattern=r"^[A-Za-z0-9_+=,.@:/-]+$")
    """What the trust policies of `role` ask for, where they do; the hub role is assumed without one."""
    session_name: str = Field(default="bulkprof", pattern=r"^[a-zA-Z0-9_+=,.@-]{2,64}$")
    duration_s: int = Field(default=3600, ge=900, le=43200)
    """Seconds that an assumed session lasts."""
    aliases: Mapping[str, Several] = Field(default_factory=dict)
    """A short name to an account id or selector, or a list of them."""

    @field_validator("aliases")
    @classmethod
    def _name_accounts(cls, aliases: Mapping[str, Several]) -> Mapping[str, Several]:
        for alias, values in aliases.items():
            if not ACCOUNT_ALIAS.fullmatch(alias):
                raise ValueError(f"{alias!r} can't be an alias: write a letter, then letters, digits, '_', '.' or '-'")
            if not values:
                raise ValueError(f"{alias} stands for nothing; write an account id")
            for value in values:
                if fault := account_fault(value):
                    fault = in_a_list(value, fault, account_fault)
                    raise ValueError(f"{alias}: {value!r} {fault.reason}; {fault.remedy}")
                if ACCOUNT_ALIAS.fullmatch(value):
                    raise ValueError(f"{alias}: {value!r} is no account id or selector; an alias can't name another")
        return aliases

    @model_validator(mode="after")
    def _chained_sessions_are_short(self) -> Self:
        if self.via and self.duration_s > CHAINED_S:
            raise ValueError(f"duration_s is at most {CHAINED_S} with `via`: AWS lets chained sessions last no longer")
        return self


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
    tag: str = Field(default="bulkprof:delete-after", min_length=1, max_length=128, pattern=_OF_TAGS)
    """The tag that says until when."""


class Prune(Section):
    """How much of an estate one run may delete: the larger of share and count, in all and in each account."""

    percent: float = Field(default=10.0, ge=0, le=100)
    """Of the estate's profiles that exist."""
    count: int = Field(default=5, ge=0)
    account_percent: float = Field(default=25.0, ge=0, le=100)
    """Of the estate's profiles in one account: more than of all, since a team that leaves may be most of an account."""
    account_count: int = Field(default=5, ge=0)


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


class Settings(Section):
    """The whole of `bulkprof.toml`."""

    estate: str = Field(default="default", min_length=1, max_length=256, pattern=_OF_TAGS)
    """The name that this set of manifests is managed under; the ownership tag's value."""
    ownership_tag: str = Field(default="bulkprof:estate", min_length=1, max_length=128, pattern=_OF_TAGS)
    keys_tag: str = Field(default="bulkprof:keys", max_length=128, pattern=_OF_TAGS)
    """The tag that lists the keys which bulkprof manages on a profile; empty for none, and for never removing one."""
    tags: Literal["merge", "exact"] = "merge"
    """`merge` leaves tags alone that were never declared; `exact` removes them."""
    defaults: Defaults = Defaults()
    models: Mapping[str, str] = Field(default_factory=dict)
    """Aliases: a short name to a model id, system profile id or ARN."""
    organization: Organization = Organization()
    run: Run = Run()
    replace: Replace = Replace()
    prune: Prune = Prune()
    lock: Lock = Lock()
    plugins: Mapping[str, dict[str, Any]] = Field(default_factory=dict)
    """One table per active plugin, in the order in which they run."""

    @property
    def own_tags(self) -> frozenset[str]:
        """The keys of the tags that bulkprof itself sets: no manifest has them."""
        return frozenset({self.ownership_tag, self.keys_tag, self.replace.tag})


class Config(BaseModel):
    """Settings and where they came from."""

    model_config = ConfigDict(frozen=True)

    settings: Settings = Settings()
    file: Path | None = None

    @property
    def directory(self) -> Path:
        """Where relative paths in the config start."""
        return self.file.parent if self.file else Path.cwd()


def load(file: Path | str | None = None) -> Config:
    """Read `file`, or `bulkprof.toml` of the working directory where there is one, else the defaults.

    Raises `ConfigError` that names every bad key of the file at once.
    """
    if isinstance(file, str):
        file = Path(file)
    elif file is None:
        file = Path(DEFAULT_FILE)
        if not file.exists():
            return Config()
    try:
        data = file.read_bytes()
        if data.startswith(_UTF16) or b"\0" in data[:4]:
            raise ConfigError(f"{file}: is UTF-16, not UTF-8; save it as UTF-8")
        # Some editors begin a file with a byte order mark.
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        table = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; `bulkprof init` writes one to start from") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None
    except RecursionError:
        raise ConfigError(
            f"{file}{_place(text, _NESTED)}: is nested too deeply; no setting is a list of lists"
        ) from None
    except ValueError:
        # All that is left: Python reads numbers of some thousand digits only.
        raise ConfigError(f"{file}{_place(text, _LONG_NUMBER)}: the number has too many digits") from None
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(printable_lines(f"{file}: {line}" for line in validation_lines(error, Settings))) from None
    return Config(settings=settings, file=file.absolute())


_NESTED = re.compile(r"(?:\[\s*|\{[^{}\[\]]*){100}")
_LONG_NUMBER = re.compile(r"[0-9_]{4300}")


def _place(text: str, wrong: re.Pattern[str]) -> str:
    """Line and key of what the parser gives up at without saying where; empty where it isn't found."""
    found = wrong.search(text)
    if found is None:
        return ""
    number = text.count("\n", 0, found.start()) + 1
    line = text.splitlines()[number - 1]
    return f":{number}: {line.partition('=')[0].strip()[:100]}" if "=" in line else f":{number}"
