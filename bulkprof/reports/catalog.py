"""The catalog of a run: its profiles that exist, with what callers need to know of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from bulkprof.catalog.entries import CatalogEntry, model_behind, models_reached
from bulkprof.config import IN_TARGETS, Catalog, Settings
from bulkprof.model import Outcome, OutcomeKind
from bulkprof.planning.diff import NOT_OURS, OTHER_ESTATE
from bulkprof.store.details import RunDetails
from bulkprof.store.history.compare import Place


@dataclass(frozen=True, slots=True)
class Callers:
    """Who calls the profiles: from which account, and by which role in the others."""

    account: str
    """Empty where each profile is called from its own account."""
    role: str = ""

    @classmethod
    def of(cls, settings: Catalog, own_account: str) -> Callers:
        """Return the config's; `own_account` is the account that runs work from."""
        account = settings.account or own_account
        return cls("" if account == IN_TARGETS else account, settings.role or "")

    def is_foreign(self, account: str) -> bool:
        """Whether an account isn't theirs."""
        return bool(self.account) and account != self.account

    def role_arn(self, account: str, arn: str) -> str:
        """Return the role that they assume in an account, which has the profile `arn`; empty for none."""
        if not self.role or not self.is_foreign(account):
            return ""
        partition = arn.split(":", 2)[1]
        if self.role.startswith("arn:"):
            return self.role.replace("{account}", account).replace("{partition}", partition)
        return f"arn:{partition}:iam::{account}:role/{self.role.removeprefix('/')}"


class Standing(Enum):
    """What a run's outcome means for its catalog."""

    THERE = "there"
    """The profile is wanted and can be called, also where a change of it failed or wasn't reached."""
    MISSING = "missing"
    """It is wanted, and the run knows no profile of the estate's that stands for it."""
    GONE = "gone"
    """It was deleted."""


def entries_of(
    outcomes: Iterable[Outcome], details: RunDetails, settings: Settings
) -> Iterator[tuple[Standing, CatalogEntry]]:
    """Yield an entry for each outcome that means something for a catalog. What is missing has no ARN."""
    callers = Callers.of(settings.catalog, details.account)
    for outcome in outcomes:
        if standing := _standing(outcome, settings.ownership_tag):
            account = outcome.target.account
            arn = "" if standing is Standing.MISSING else outcome.arn
            yield (
                standing,
                CatalogEntry(
                    name=outcome.name,
                    arn=arn,
                    account=account,
                    region=outcome.target.region,
                    source_arn=outcome.source_arn,
                    model_id=model_behind(outcome.source_arn, details.models),
                    model=outcome.model,
                    description=outcome.description,
                    tags=outcome.tags,
                    old_arn=outcome.old_arn,
                    foreign=callers.is_foreign(account),
                    role_arn=callers.role_arn(account, arn) if arn else "",
                    model_arns=_models(outcome, details),
                ),
            )


def place_of(entry: CatalogEntry) -> Place:
    """Return where a profile is, and its name."""
    return entry.account, entry.region, entry.name


def _models(outcome: Outcome, details: RunDetails) -> Sequence[str]:
    # What is there may be made from another source than what is wanted, where a change of it didn't come to its end.
    if outcome.kind.needs_attention:
        return ()
    return models_reached(outcome.source_arn, outcome.target.region, details.routes)


def _standing(outcome: Outcome, ownership_tag: str) -> Standing | None:
    if outcome.kind is OutcomeKind.DELETED:
        return Standing.GONE
    # Deletions name no row, and what is to be let go of declares no ownership.
    if not outcome.file or ownership_tag not in outcome.tags:
        return None
    # The ARN of a refusal may be that of a profile which isn't the estate's.
    is_ours = outcome.arn and outcome.error_code not in {NOT_OURS, OTHER_ESTATE}
    return Standing.THERE if is_ours else Standing.MISSING
