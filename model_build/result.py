"""What a build tells the state machine that started it: one small JSON object in S3."""

from __future__ import annotations

import json
import re

BUNDLE_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\w!.'()/-]+/")
"""A published bundle: a bucket, and a prefix with a slash at its end."""


def write_result(location: str, bundle: str) -> None:
    """Write ``{"bundle": URI}`` to an ``s3://bucket/key``."""
    # Installed by the job where the container lacks it.
    import boto3

    bucket, _, key = location.removeprefix("s3://").partition("/")
    body = json.dumps({"bundle": bundle}).encode()
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
