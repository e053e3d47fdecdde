"""The config's `[organization]`: how other accounts are entered, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, field_validator, model_validator

from bulkprof.config.fields import Section, Several
from bulkprof.limits import ACCOUNT_ALIAS, account_fault, in_a_list

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
    payer_role: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@/-]+$")
    """The ARN of a role in the payer (management) account, assumed for cost allocation tags; by default the caller's
    own account is taken for the payer's."""
    external_id: str | None = Field(default=None, min_length=2, max_length=1224, pattern=r"^[A-Za-z0-9_+=,.@:/-]+$")
    """What the trust policies of `role` ask for, where they do; the hub role is assumed without one."""
    session_name: str = Field(default="bulkprof", pattern=r"^[a-zA-Z0-9_+=,.@-]{2,64}$")
    duration_s: int = Field(default=3600, ge=900, le=43200)
    """Seconds that an assumed session lasts."""
    aliases: Mapping[str, Several] = Field(default_factory=dict)
    """A short name to an account id or selector, or a list of them."""

    @property
    def payer_account(self) -> str:
        """The account of `payer_role`; empty where there is none."""
        return self.payer_role.split(":")[4] if self.payer_role else ""

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
