"""What to do about each exit code and each kind of error; the build of the site fails where one is missing."""

from __future__ import annotations

from collections.abc import Mapping

from bulkprof import errors
from bulkprof.errors import ExitCode

EXITS: Mapping[ExitCode, tuple[str, str]] = {
    ExitCode.DONE: ("done, every row in order", "nothing"),
    ExitCode.COULD_NOT_RUN: (
        "could not run: configuration, credentials, plugin, an unexpected error",
        "mend what the message names; then `bulkprof resume`, where it says so",
    ),
    ExitCode.CHANGES_PENDING: ("changes wait (`plan --detailed-exitcode` only)", "look at the plan, and apply it"),
    ExitCode.ROWS_FAILED: (
        "finished, but some rows failed, were skipped or are unknown",
        "`bulkprof report` names them; the same command tries them again, and leaves the others as they are",
    ),
    ExitCode.SAFETY_LIMIT: (
        "stopped by a safety limit",
        "look at the numbers; only if the changes are meant, allow them with the flag that the message names",
    ),
    ExitCode.LOCKED: ("another run of the estate holds the lock", "let it end; the message names it"),
    ExitCode.USAGE: ("wrong flags or arguments", "`bulkprof COMMAND --help`"),
    ExitCode.INVALID_MANIFEST: ("invalid rows; nothing was sent", "mend the rows, or leave them out: `--skip-invalid`"),
    ExitCode.INTERRUPTED: ("interrupted (SIGINT, Ctrl-C)", "`bulkprof resume`"),
    ExitCode.TERMINATED: ("asked to end (SIGTERM)", "`bulkprof resume`"),
}
"""What each code means, and what to do."""

REMEDIES: Mapping[type[errors.BulkprofError], str] = {
    errors.UsageError: "`bulkprof COMMAND --help` shows which flags there are",
    errors.ConfigError: "mend the key that the message names; see [config keys](config.md)",
    errors.PluginError: "`bulkprof plugins` shows what is installed, `bulkprof plugins check FILE` tries a file",
    errors.ManifestError: "mend the rows; `bulkprof validate` names all of them without asking AWS",
    errors.SafetyError: "see [caps](../safety.md#caps)",
    errors.LockHeldError: "let the other run end; if its machine died, its lock in S3 expires by itself",
    errors.DeclinedError: "nothing, or run it again and agree",
    errors.FleetError: "see that scheduler and workers run, with the versions that the message names",
    errors.StateError: "check the state directory's owner and the room on its disk, or name another: `--state-dir`",
    errors.DamagedError: "run `apply` or `sync` again: it asks AWS what exists",
    errors.RunInterruptedError: "`bulkprof resume`",
    errors.UnforeseenError: "run it again with `--debug`, and report what it shows",
    errors.CredentialsError: "sign in again, or check keys and the machine's clock",
    errors.SignInNeededError: "sign in again, then `bulkprof resume`",
    errors.KeysNotAwaitedError: "`bulkprof resume`, once the credentials can be had",
    errors.SettingsError: "mend the variable or the file of the SDK that the message names",
    errors.ExpiredCredentialsError: "nothing: sessions of roles are renewed; your own needs a new sign-in",
    errors.RegionError: "set `AWS_REGION`, or leave out Regions that the account hasn't enabled",
    errors.UnreachableError: "check network, proxy and `AWS_ENDPOINT_URL`, then `bulkprof resume`",
    errors.AccessDeniedError: "`bulkprof iam-policy` prints what is needed; a service control policy may deny it, too",
    errors.InvalidRequestError: "mend the value in the row that the message names",
    errors.NotFoundError: "check the model in that Region; a profile that was just made may take a moment",
    errors.ConflictError: "run it again; where another profile has the name, give the row another one",
    errors.QuotaError: "ask for a higher quota, or delete profiles; the plan says how many are needed, and how to ask",
    errors.TooManyTagsError: "give the profile fewer tags: AWS takes 50, with those that bulkprof sets",
    errors.ThrottledError: "nothing: the run waits and sends again",
    errors.AmbiguousError: "nothing: the run finds out what became of it; the next run does where it stays `unknown`",
}
"""What to do about each kind of error."""
