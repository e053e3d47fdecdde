"""The buckets that a sandbox has from the start are those that the config names, whichever plugin names them."""

from __future__ import annotations

from bulkprof.config import Settings, named_buckets


def test_buckets_are_found_by_their_form_and_in_plugins_by_their_key() -> None:
    settings = Settings.model_validate(
        {
            "lock": {"s3": "s3://example-locks/estate.json"},
            "models": {"bucket": "zai.glm-4.7"},
            "plugins": {
                "s3": {"bucket": "example-reports", "prefix": "runs/"},
                "mine": {"to": ["s3://example-other", "s3://Not-A-Bucket/x"], "deep": {"at": "s3://example-deep/a/b"}},
                "arn": {"bucket": "arn:aws:s3:us-east-1:111122223333:accesspoint/reports"},
            },
        }
    )
    assert named_buckets(settings) == {"example-locks", "example-reports", "example-other", "example-deep"}
