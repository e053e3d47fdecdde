"""What handlers of AWS Lambda need in tests: a context, and the bucket with the nightly setup."""

from __future__ import annotations

import re

from bulkprof.sandbox import Sandbox
from tests.e2e.others import Others
from tests.samples.nightly import PROFILES, SAMPLE

__all__ = ["BUCKET", "LOCK", "PROFILES", "SAMPLE", "Bucket", "Context"]

BUCKET = "example-bulkprof"
LOCK = "locks/platform.lock"


class Context:
    """Lambda's, with as many seconds left as the test says."""

    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Bucket:
    """The bucket with the setup, its lock switched on."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.s3 = Others(sandbox).client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        config = (SAMPLE / "bulkprof.toml").read_text(encoding="utf-8").replace("headroom", "settle_s = 0\nheadroom")
        self.put("bulkprof.toml", re.sub(r"(?m)^# (\[lock\]|\[state\]|s3 = )", r"\1", config))
        for path in (SAMPLE / "cost-centers.csv", *(SAMPLE / "manifests").iterdir()):
            self.put(str(path.relative_to(SAMPLE)), path.read_text(encoding="utf-8"))
        # Consoles make such objects for folders.
        self.put("manifests/", "")

    def put(self, name: str, body: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"nightly/{name}", Body=body.encode())

    def objects(self) -> set[str]:
        return {each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
