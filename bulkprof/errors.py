"""Every error that bulkprof raises, and the exit code that each one ends a command with.

```
BulkprofError                     1
├── UsageError                    64   wrong flags or arguments
├── ConfigError                   1    bulkprof.toml can't be used
├── PluginError                   1    a plugin can't be loaded, or raised
├── ManifestError                 65   invalid rows; nothing was sent
├── SafetyError                   4    a limit stopped the run
├── LockHeldError                 5    another run is at work on the same estate
├── DeclinedError                 1    the user said no to the plan
├── StateError                    1    run file or state directory can't be used
│   └── DamagedError                   a run file holds what no run writes, or what wasn't approved
├── FleetError                    1    dask's scheduler or a worker can't be used
├── RunInterruptedError           130  or 143, by signal; 3 by the deadline
├── UnforeseenError               1    a fault of bulkprof's own, or of a library or plugin
└── AwsError                      1    an answer of AWS, or none
    ├── CredentialsError               no credentials, or refused ones
    │   └── SignInNeededError          the caller's own: nothing more can be sent
    │       └── KeysNotAwaitedError    the run stops, and doesn't wait for them any longer
    ├── SettingsError                  a setting of the SDK's can't be used: nothing was sent
    ├── ExpiredCredentialsError        a session that ran out: renew and send again
    ├── RegionError                    no Region is set, or AWS doesn't have it
    ├── UnreachableError               no connection was made: nothing was sent
    ├── AccessDeniedError              the caller may not do this
    ├── InvalidRequestError            AWS refused the values
    ├── NotFoundError                  the profile or model isn't there
    ├── ConflictError                  the name is taken, or another change is under way
    ├── QuotaError                     the account is full in this Region
    ├── TooManyTagsError               more than 50 tags
    ├── ThrottledError                 too fast: wait and send again
    └── AmbiguousError                 AWS may or may not have done it (cut, timeout, 5xx, no ARN)
```

Only `aws/` raises the `AwsError` branch; it is the one place that knows botocore's shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from bulkprof.text.printable import Lines, headed, printable, printable_lines

if TYPE_CHECKING:
    from bulkprof.model import Problem


def without_secrets(text: str) -> str:
    """Return what foreign code says, less what may be secret in it.

    That is what URLs hold (passwords, and the paths that make a webhook one), what headers and fields hold that are
    named after secrets, and the path of a webhook alone.
    """
    text = _HTTP_PATH.sub(r"\1/…", _USER.sub(r"\1", text))
    for pattern in (_HEADER, _FIELD, _SCHEME, _HOOK_PATH):
        text = pattern.sub(r"\1…", text)
    return text


_NAMES = r"(?:token|secret|password|passwd|signature|api[_-]?key|secret[_-]?(?:access[_-]?)?key)"
_HEADER = re.compile(
    rf"(\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*{_NAMES})['\"]?\s*[:=]\s*['\"]?)[^'\"\r\n]+",
    re.IGNORECASE,
)
_FIELD = re.compile(rf"((?:\b[\w-]*{_NAMES}=|['\"][\w-]*{_NAMES}['\"]\s*:\s*)['\"]?)[^\s'\"&,;]+", re.IGNORECASE)
_SCHEME = re.compile(r"(\b(?:bearer|basic)\s+)(?=\S*[\d=])[\w.~+/=-]{8,}", re.IGNORECASE)
# Not that of a file, which ends in a dot and more.
_HOOK_PATH = re.compile(r"(/(?:services|webhooks?)/)[\w/-]{8,}(?![\w/.-])", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]+@", re.IGNORECASE)
_HTTP_PATH = re.compile(r"(\bhttps?://[^\s/?#'\"<>]+)[/?#][^\s'\"<>]+", re.IGNORECASE)


class ExitCode(IntEnum):
    """What a command's exit status means; a contract with scripts and schedulers."""

    DONE = 0
    COULD_NOT_RUN = 1
    CHANGES_PENDING = 2
    ROWS_FAILED = 3
    SAFETY_LIMIT = 4
    LOCKED = 5
    USAGE = 64
    INVALID_MANIFEST = 65
    INTERRUPTED = 130
    TERMINATED = 143


class BulkprofError(Exception):
    """The root: a message for people that says what is wrong, where, and what to do next.

    Its text is printable, whatever the values in it hold, and of several lines only where it was made of `Lines`.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.COULD_NOT_RUN
    run_id: str = ""
    """The run that ended with this and that `resume` goes on with, where there is one."""

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(BulkprofError):
    """Flags or arguments that don't go together."""

    exit_code = ExitCode.USAGE


class ConfigError(BulkprofError):
    """`bulkprof.toml` is missing, can't be parsed or holds a value that can't be used."""


class PluginError(BulkprofError):
    """A plugin can't be found or loaded, has wrong settings, or raised from a hook."""

    def __init__(self, plugin: str, message: str) -> None:
        said = without_secrets(message)
        # Where a plugin put lines together, they are still such.
        said = printable_lines(said.split("\n")) if isinstance(message, Lines) else said
        super().__init__(headed(f"plugin {plugin!r}: ", said))
        self.plugin = plugin


class ManifestError(BulkprofError):
    """Rows that can't be used; `problems` holds the first of them. Raised before anything is sent."""

    exit_code = ExitCode.INVALID_MANIFEST

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = tuple(problems)


class SafetyError(BulkprofError):
    """The run would go over a limit that protects the organization; nothing more is changed."""

    exit_code = ExitCode.SAFETY_LIMIT


class LockHeldError(BulkprofError):
    """Another run holds the estate's lock."""

    exit_code = ExitCode.LOCKED


class DeclinedError(BulkprofError):
    """The user didn't agree to the plan that was shown; nothing was changed."""


class StateError(BulkprofError):
    """The state directory can't be written, or a run file is missing, damaged, foreign or too new."""


class DamagedError(StateError):
    """A run file holds what no run writes, or not what was approved: nothing is carried out from it."""


class FleetError(BulkprofError):
    """What carries a run out past this process can't be reached or used: a scheduler, or a worker."""


class RunInterruptedError(BulkprofError):
    """The run was asked to stop before it changed anything; `resume` of `run_id` takes it up again."""

    def __init__(self, run_id: str, *, code: int, reason: str = "") -> None:
        told = "before anything was changed"
        super().__init__(f"stopped {told}: {reason}" if reason else f"interrupted {told}")
        self.run_id = run_id
        self.code = code


class UnforeseenError(BulkprofError):
    """An error that isn't foreseen: a fault of bulkprof's own, or of a library or plugin. Its cause says where."""

    def __init__(self, error: BaseException) -> None:
        cause = _innermost(error)
        self.__cause__: BaseException | None = cause
        super().__init__(f"an unexpected error: {named(cause)}; --debug shows where it comes from")


def _innermost(error: BaseException) -> BaseException:
    """Return the first error of a group, and any other one as it is."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def in_a_line(said: str) -> str:
    """Return what foreign code says, in one line of a bearable length, less what its URLs may hold."""
    text = " ".join(without_secrets(said).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def named(error: BaseException) -> str:
    """Return an exception of foreign code by its class and what it says, in one line."""
    return in_a_line(f"{type(error).__name__}: {error}".removesuffix(": "))


_LONGEST = 300


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the first `BulkprofError` out of the groups that task groups wrap what their tasks raise in."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(BulkprofError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]  # type: ignore[assignment]
        if ours is None:
            raise
        raise ours from group


class AwsError(BulkprofError):
    """An error answer of AWS, or no answer.

    `code` is AWS's error code (`ThrottlingException`) or ours where there was no answer
    (`ReadTimeout`); `operation` is AWS's operation name, and `where` is `account/region`, as far as known.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        operation: str = "",
        where: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code: str = code or type(self).__name__
        self.operation = operation
        self.where = where
        self.retry_after = retry_after
        """Seconds that the answer's Retry-After header asks to wait, if it had one."""

    @property
    def message(self) -> str:
        """The message alone, without code and place."""
        return str(self.args[0])

    def __str__(self) -> str:
        head = " ".join(part for part in (self.where, self.operation) if part)
        text = self.message if self.code in self.message else f"{self.code}: {self.message}"
        return printable(f"{head}: {text}" if head else text)


class CredentialsError(AwsError):
    """There are no credentials, or AWS refuses them."""


class SignInNeededError(CredentialsError):
    """The caller's own credentials are missing or have run out, so that no account can be entered any more."""


class KeysNotAwaitedError(SignInNeededError):
    """The run stops while the caller's own credentials are being fetched, and doesn't wait for them any longer."""


class SettingsError(AwsError):
    """A setting of the SDK's (a variable, its config file, a file that these name) can't be used: nothing was sent."""


class ExpiredCredentialsError(AwsError):
    """The session's credentials have run out."""


class RegionError(AwsError):
    """No Region is set, or the service isn't there."""


class UnreachableError(AwsError):
    """No connection could be made, so nothing was sent."""


class AccessDeniedError(AwsError):
    """The caller lacks a permission."""


class InvalidRequestError(AwsError):
    """AWS refused a value."""


class NotFoundError(AwsError):
    """The resource isn't there (or not yet: new profiles may take a moment)."""


class ConflictError(AwsError):
    """The name is taken, or AWS is busy with the same resource."""


class QuotaError(AwsError):
    """The account has as many profiles in the Region as its quota allows."""


class TooManyTagsError(AwsError):
    """The profile would have more tags than AWS allows."""


class ThrottledError(AwsError):
    """The allowed rate was exceeded; nothing was done."""


class AmbiguousError(AwsError):
    """The answer doesn't tell whether AWS did the work: never counted as failed."""
