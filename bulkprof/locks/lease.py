"""What the S3 lock's object says: who holds it, and for how long without a renewal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from bulkprof.locks.local import Holder, utc


@dataclass(frozen=True, slots=True)
class Lease:
    """One state of the lock's object; each write of a holder has a `writes` of its own."""

    holder: Holder
    token: str
    """Tells one use of the lock from all others: process ids and hosts repeat."""
    expiry_s: float
    writes: int

    def to_body(self, now: float) -> bytes:
        """Return the object's content. `now` (epoch seconds) is for `expires_at`, which only people read."""
        # Equal bodies have equal ETags: without the count, a renewal wouldn't keep off who is about to take over.
        terms = {"expiry_s": self.expiry_s, "writes": self.writes, "token": self.token}
        record = {**asdict(self.holder), "expires_at": utc(now + self.expiry_s), **terms}
        return json.dumps(record, indent=1).encode() + b"\n"

    @classmethod
    def from_body(cls, body: bytes) -> Self | None:
        """Return the state that an object's content tells; None where it is something else."""
        try:
            record: Any = json.loads(body)
        except (ValueError, RecursionError):
            return None
        holder = Holder.from_json(record)
        if holder is None:
            return None
        token, expiry_s, writes = (record.get(name) for name in ("token", "expiry_s", "writes"))
        # NaN, infinity and what no float holds are numbers in Python's JSON, but no times.
        timed = isinstance(expiry_s, int | float) and abs(expiry_s) < 1e9
        if not timed or not isinstance(token, str) or not isinstance(writes, int):
            return None
        return cls(holder, token, expiry_s, writes)
