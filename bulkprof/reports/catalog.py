"""The catalog of a run: its profiles that exist, with what callers need to know of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bulkprof.catalog.entries import CatalogEntry, model_behind
from bulkprof.config import Catalog
from bulkprof.model import Outcome, OutcomeKind
from bulkprof.store.details import RunDetails


@dataclass(frozen=True, slots=True)
class Callers:
    """Who calls the profiles: from which account, and by which role in the others."""

    account: str
    role: str = ""

    @classmethod
    def of(cls, settings: Catalog, own_account: str) -> Callers:
        """Return the config's; `own_account` is the account that runs work from."""
        return cls(settings.account or own_account, settings.role or "")

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


def entries_of(outcomes: Iterable[Outcome], details: RunDetails, settings: Catalog) -> Iterator[CatalogEntry]:
    """Yield an entry for each outcome of a run whose profile is wanted and exists."""
    callers = Callers.of(settings, details.account)
    for outcome in outcomes:
        if exists(outcome):
            account = outcome.target.account
            yield CatalogEntry(
                name=outcome.name,
                arn=outcome.arn,
                account=account,
                region=outcome.target.region,
                source_arn=outcome.source_arn,
                model_id=model_behind(outcome.source_arn, details.models),
                model=outcome.model,
                description=outcome.description,
                tags=outcome.tags,
                old_arn=outcome.old_arn,
                foreign=callers.is_foreign(account),
                role_arn=callers.role_arn(account, outcome.arn),
            )


def exists(outcome: Outcome) -> bool:
    """Whether an outcome is of a profile that a manifest wants and that can be called. Deletions name no row."""
    return bool(outcome.arn and outcome.file) and outcome.kind is not OutcomeKind.DELETED
