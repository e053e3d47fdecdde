"""The profiles of all accounts and Regions, which behave as the hypotheses say.

Nothing here knows HTTP. Methods raise ApiError as AWS would; the caller holds the sandbox's lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.settings import Hypotheses, SandboxSettings
from bulkprof.sandbox.state.journal import Journal
from bulkprof.sandbox.state.ledger import LedgerProfile
from bulkprof.sandbox.state.profile import Profile

_ID_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True)
class _Target:
    """One account and Region. `live` is by id and in order of creation; `names` counts the live ones."""

    live: dict[str, Profile] = field(default_factory=dict)
    deleted: dict[str, Profile] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    """How many profiles of a name there ever were."""
    tokens: dict[str, tuple[Profile, str, float]] = field(default_factory=dict)
    conflicted: set[str] = field(default_factory=set)
    serial: int = 0


class ProfileStore:
    """All profiles. `hypotheses` may be replaced at any time."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.hypotheses: Hypotheses = settings.hypotheses
        self._settings = settings
        self.now = settings.clock
        self._targets: dict[tuple[str, str], _Target] = {}
        self._journal = Journal(settings.state_file)
        self.active_cost_tags: frozenset[str] = frozenset()
        """The tag keys that the payer's bill counts by."""
        self.backfilled_at = 0.0
        """When the payer last asked for a backfill, in the sandbox's clock."""

    def open(self) -> None:
        """Read the state file, if there is one. Raises ValueError or OSError when it can't be read."""
        for change in self._journal.open():
            self._replay(change)

    def close(self) -> None:
        """Close the state file."""
        self._journal.close()

    def create(self, account: str, region: str, params: dict[str, Any], models: tuple[str, ...]) -> Profile:
        """Make and return a profile, or return the one that the idempotency token made. `params` are valid input."""
        target = self._target(account, region)
        now = self.now()
        token = params.get("clientRequestToken")
        fingerprint = _fingerprint({key: value for key, value in params.items() if key != "clientRequestToken"})
        known = self._recall(target, token, fingerprint, now)
        if known is not None:
            return known
        name = params["inferenceProfileName"]
        if self.hypotheses.unique_names and target.names.get(name):
            raise ApiError("ConflictException", f"An inference profile with the name {name} already exists.")
        self._maybe_conflict(target, account, region, name)
        quota = self.quota(account)
        if len(target.live) >= quota:
            raise ApiError(
                "ServiceQuotaExceededException",
                f"You have exceeded the quota of {quota} inference profiles per account in this Region.",
            )
        serial = target.serial + 1
        profile = Profile(
            account=account,
            region=region,
            serial=serial,
            id=self._new_id(target, account, region, name, serial),
            name=name,
            description=params.get("description"),
            source=params["modelSource"]["copyFrom"],
            models=models,
            token=token,
            created_at=now,
            updated_at=now,
        )
        tags = {tag["key"]: tag["value"] for tag in params.get("tags") or ()}
        self._journal.write(
            {
                "change": "create",
                "at": now,
                "account": account,
                "region": region,
                "id": profile.id,
                "name": name,
                "description": profile.description,
                "source": profile.source,
                "models": models,
                "token": token,
                "fingerprint": fingerprint,
                "tags": tags,
            }
        )
        self._add(target, profile, tags, fingerprint)
        return profile

    def get(self, account: str, region: str, profile_id: str) -> Profile:
        """Return the live profile of this id, once the get lag has passed; else raise ResourceNotFoundException."""
        profile = self._target(account, region).live.get(profile_id)
        if profile is None or profile.created_at + self.hypotheses.get_lag_s > self.now():
            raise ApiError("ResourceNotFoundException", "The requested inference profile could not be found.")
        return profile

    def delete(self, account: str, region: str, profile_id: str) -> None:
        """Delete it. Raises ResourceNotFoundException if it doesn't exist."""
        self.get(account, region, profile_id)
        change = {"change": "delete", "at": self.now(), "account": account, "region": region, "id": profile_id}
        self._journal.write(change)
        self._replay(change)

    def set_tags(self, profile: Profile, tags: dict[str, str]) -> None:
        """Replace the profile's tags."""
        change = {
            "change": "tags",
            "at": self.now(),
            "account": profile.account,
            "region": profile.region,
            "id": profile.id,
            "tags": tags,
        }
        self._journal.write(change)
        self._replay(change)

    def listed(self, account: str, region: str, *, lag_s: float) -> Iterator[Profile]:
        """Return what a listing that is `lag_s` behind shows, in order of creation."""
        target = self._target(account, region)
        moment = self.now() - lag_s
        if lag_s <= 0:
            return iter(target.live.values())
        shown = [profile for profile in target.live.values() if profile.created_at <= moment]
        shown += [
            profile for profile in target.deleted.values() if profile.created_at <= moment < (profile.deleted_at or 0.0)
        ]
        return iter(sorted(shown, key=lambda profile: profile.serial))

    def quota(self, account: str) -> int:
        """Return how many profiles the account may have in each Region."""
        return self._settings.account_quotas.get(account, self._settings.quota)

    def billed_tag_keys(self) -> dict[str, float]:
        """Return the tag keys that billing has seen, with the moment since which a profile last carried each."""
        moment, found = self.now() - self.hypotheses.billing_lag_s, dict[str, float]()
        for target in self._targets.values():
            for profile in (*target.live.values(), *target.deleted.values()):
                for since, tags in profile.tag_history:
                    if since <= moment:
                        found.update({key: max(since, found.get(key, since)) for key in tags})
        return found

    def set_cost_tags(self, account: str, keys: list[str]) -> None:
        """Let the bill of the payer `account` count by these keys, and by no others."""
        change = {"change": "cost tags", "at": self.now(), "account": account, "keys": keys}
        self._journal.write(change)
        self._replay(change)

    def note_backfill(self, account: str) -> None:
        """Note that the payer `account` asks for a backfill now."""
        change = {"change": "backfill", "at": self.now(), "account": account}
        self._journal.write(change)
        self._replay(change)

    def ledger(self) -> tuple[LedgerProfile, ...]:
        """Return every profile ever made, by account, Region and order of creation."""
        return tuple(
            LedgerProfile(
                account=profile.account,
                region=profile.region,
                id=profile.id,
                name=profile.name,
                arn=profile.arn,
                source=profile.source,
                token=profile.token,
                tags=dict(profile.tags),
                created_at=profile.created_at,
                deleted_at=profile.deleted_at,
            )
            for _, target in sorted(self._targets.items(), key=lambda item: item[0])
            for profile in sorted((*target.live.values(), *target.deleted.values()), key=lambda profile: profile.serial)
        )

    def _target(self, account: str, region: str) -> _Target:
        return self._targets.setdefault((account, region), _Target())

    def _recall(self, target: _Target, token: str | None, fingerprint: str, now: float) -> Profile | None:
        if token is None or token not in target.tokens:
            return None
        profile, remembered, at = target.tokens[token]
        memory = self.hypotheses.token_memory_s
        if memory is not None and now - at >= memory:
            return None
        if profile.deleted_at is not None and not self.hypotheses.token_survives_delete:
            return None
        refuses = self.hypotheses.token_mismatch == "refuse"  # noqa: S105 - no password
        if remembered != fingerprint and refuses:
            raise ApiError("ConflictException", "The client request token was already used with different parameters.")
        return profile

    def _maybe_conflict(self, target: _Target, account: str, region: str, name: str) -> None:
        share = self.hypotheses.transient_conflicts
        if share and name not in target.conflicted:
            target.conflicted.add(name)
            drawn = self._digest("conflict", account, region, name)
            if int.from_bytes(drawn[:4], "big") / 2**32 < share:
                raise ApiError("ConflictException", "Another operation is in progress. Try again later.")

    def _new_id(self, target: _Target, account: str, region: str, name: str, serial: int) -> str:
        # Drawn from the profile, not from a running generator: so ids don't depend on the order of concurrent calls.
        again = target.made.get(name, 0)
        while True:
            drawn = int.from_bytes(self._digest("id", account, region, name, str(again))[:16], "big")
            letters = []
            for _ in range(12):
                drawn, index = divmod(drawn, len(_ID_LETTERS))
                letters.append(_ID_LETTERS[index])
            new = "".join(letters)
            if new not in target.live and new not in target.deleted:
                return new
            again += serial

    def _digest(self, *parts: str) -> bytes:
        text = "\0".join((str(self._settings.seed), *parts))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _add(self, target: _Target, profile: Profile, tags: dict[str, str], fingerprint: str) -> None:
        target.serial = profile.serial
        target.live[profile.id] = profile
        target.names[profile.name] = target.names.get(profile.name, 0) + 1
        target.made[profile.name] = target.made.get(profile.name, 0) + 1
        if tags:
            profile.tag_history.append((profile.created_at, tags))
        if profile.token is not None:
            target.tokens[profile.token] = (profile, fingerprint, profile.created_at)

    def _replay(self, change: dict[str, Any]) -> None:
        if change["change"] == "cost tags":
            self.active_cost_tags = frozenset(change["keys"])
            return
        if change["change"] == "backfill":
            self.backfilled_at = change["at"]
            return
        target = self._target(change["account"], change["region"])
        if change["change"] == "create":
            profile = Profile(
                account=change["account"],
                region=change["region"],
                serial=target.serial + 1,
                id=change["id"],
                name=change["name"],
                description=change["description"],
                source=change["source"],
                models=tuple(change["models"]),
                token=change["token"],
                created_at=change["at"],
                updated_at=change["at"],
            )
            self._add(target, profile, change["tags"], change["fingerprint"])
        elif change["change"] == "delete":
            profile = target.live.pop(change["id"])
            profile.deleted_at = change["at"]
            target.deleted[profile.id] = profile
            target.names[profile.name] -= 1
        else:
            profile = target.live[change["id"]]
            profile.tag_history.append((change["at"], change["tags"]))
            profile.updated_at = change["at"]


def _fingerprint(params: dict[str, Any]) -> str:
    text = json.dumps(params, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
