"""The profiles themselves, in every account and Region, under the hypotheses in force.

Nothing here knows HTTP. Methods raise ApiError as AWS would; the caller holds the sandbox's lock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bulkprof.sandbox.settings import Hypotheses, SandboxSettings
from bulkprof.sandbox.state.journal import Journal
from bulkprof.sandbox.state.ledger import LedgerProfile
from bulkprof.sandbox.state.profile import Profile
from bulkprof.sandbox.wire import ApiError

_ID_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True)
class _Place:
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
        self._places: dict[tuple[str, str], _Place] = {}
        self._journal = Journal(settings.state_file)

    def open(self) -> None:
        """Read the state file, if there is one. Raises ValueError or OSError when it can't be read."""
        for change in self._journal.open():
            self._replay(change)

    def close(self) -> None:
        """Close the state file."""
        self._journal.close()

    def create(self, account: str, region: str, params: dict[str, Any], models: tuple[str, ...]) -> Profile:
        """Make a profile, or find the one that the idempotency token made. `params` are valid input members."""
        place = self._place(account, region)
        now = self.now()
        token = params.get("clientRequestToken")
        fingerprint = _fingerprint({key: value for key, value in params.items() if key != "clientRequestToken"})
        known = self._recall(place, token, fingerprint, now)
        if known is not None:
            return known
        name = params["inferenceProfileName"]
        if self.hypotheses.unique_names and place.names.get(name):
            raise ApiError("ConflictException", f"An inference profile with the name {name} already exists.")
        self._maybe_conflict(place, account, region, name)
        quota = self.quota(account)
        if len(place.live) >= quota:
            raise ApiError(
                "ServiceQuotaExceededException",
                f"You have exceeded the quota of {quota} inference profiles per account in this Region.",
            )
        serial = place.serial + 1
        profile = Profile(
            account=account,
            region=region,
            serial=serial,
            id=self._new_id(place, account, region, name, serial),
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
        self._add(place, profile, tags, fingerprint)
        return profile

    def get(self, account: str, region: str, profile_id: str) -> Profile:
        """The live profile of this id, once the get lag has passed; else ResourceNotFoundException."""
        profile = self._place(account, region).live.get(profile_id)
        if profile is None or profile.created_at + self.hypotheses.get_lag_s > self.now():
            raise ApiError("ResourceNotFoundException", "The requested inference profile could not be found.")
        return profile

    def delete(self, account: str, region: str, profile_id: str) -> None:
        """Delete it; ResourceNotFoundException when it isn't there."""
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
        """What a listing that is `lag_s` behind shows, in order of creation."""
        place = self._place(account, region)
        moment = self.now() - lag_s
        if lag_s <= 0:
            return iter(place.live.values())
        shown = [profile for profile in place.live.values() if profile.created_at <= moment]
        shown += [
            profile for profile in place.deleted.values() if profile.created_at <= moment < (profile.deleted_at or 0.0)
        ]
        return iter(sorted(shown, key=lambda profile: profile.serial))

    def quota(self, account: str) -> int:
        """How many profiles the account may have in each Region."""
        return self._settings.account_quotas.get(account, self._settings.quota)

    def ledger(self) -> tuple[LedgerProfile, ...]:
        """Every profile ever made, by account, Region and order of creation."""
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
            for _, place in sorted(self._places.items(), key=lambda item: item[0])
            for profile in sorted((*place.live.values(), *place.deleted.values()), key=lambda profile: profile.serial)
        )

    def _place(self, account: str, region: str) -> _Place:
        return self._places.setdefault((account, region), _Place())

    def _recall(self, place: _Place, token: str | None, fingerprint: str, now: float) -> Profile | None:
        if token is None or token not in place.tokens:
            return None
        profile, remembered, at = place.tokens[token]
        memory = self.hypotheses.token_memory_s
        if memory is not None and now - at >= memory:
            return None
        if profile.deleted_at is not None and not self.hypotheses.token_survives_delete:
            return None
        refuses = self.hypotheses.token_mismatch == "refuse"  # noqa: S105 - no password
        if remembered != fingerprint and refuses:
            raise ApiError("ConflictException", "The client request token was already used with different parameters.")
        return profile

    def _maybe_conflict(self, place: _Place, account: str, region: str, name: str) -> None:
        share = self.hypotheses.transient_conflicts
        if share and name not in place.conflicted:
            place.conflicted.add(name)
            drawn = self._digest("conflict", account, region, name)
            if int.from_bytes(drawn[:4], "big") / 2**32 < share:
                raise ApiError("ConflictException", "Another operation is in progress. Try again later.")

    def _new_id(self, place: _Place, account: str, region: str, name: str, serial: int) -> str:
        # From what is made, not from a running generator: then ids don't depend on the order of concurrent calls.
        again = place.made.get(name, 0)
        while True:
            drawn = int.from_bytes(self._digest("id", account, region, name, str(again))[:16], "big")
            letters = []
            for _ in range(12):
                drawn, index = divmod(drawn, len(_ID_LETTERS))
                letters.append(_ID_LETTERS[index])
            new = "".join(letters)
            if new not in place.live and new not in place.deleted:
                return new
            again += serial

    def _digest(self, *parts: str) -> bytes:
        text = "\0".join((str(self._settings.seed), *parts))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _add(self, place: _Place, profile: Profile, tags: dict[str, str], fingerprint: str) -> None:
        place.serial = profile.serial
        place.live[profile.id] = profile
        place.names[profile.name] = place.names.get(profile.name, 0) + 1
        place.made[profile.name] = place.made.get(profile.name, 0) + 1
        if tags:
            profile.tag_history.append((profile.created_at, tags))
        if profile.token is not None:
            place.tokens[profile.token] = (profile, fingerprint, profile.created_at)

    def _replay(self, change: dict[str, Any]) -> None:
        place = self._place(change["account"], change["region"])
        if change["change"] == "create":
            profile = Profile(
                account=change["account"],
                region=change["region"],
                serial=place.serial + 1,
                id=change["id"],
                name=change["name"],
                description=change["description"],
                source=change["source"],
                models=tuple(change["models"]),
                token=change["token"],
                created_at=change["at"],
                updated_at=change["at"],
            )
            self._add(place, profile, change["tags"], change["fingerprint"])
        elif change["change"] == "delete":
            profile = place.live.pop(change["id"])
            profile.deleted_at = change["at"]
            place.deleted[profile.id] = profile
            place.names[profile.name] -= 1
        else:
            profile = place.live[change["id"]]
            profile.tag_history.append((change["at"], change["tags"]))
            profile.updated_at = change["at"]


def _fingerprint(params: dict[str, Any]) -> str:
    text = json.dumps(params, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
