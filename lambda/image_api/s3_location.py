"""Where an object stands in S3."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Results stand under these prefixes of the pictures bucket.
PICTURES_PREFIX = "pictures/"
FAILURES_PREFIX = "failures/"

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.{1,1024})", re.DOTALL)


@dataclass(frozen=True)
class S3Location:
    """A bucket and a key in it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Location:
        """Read ``s3://bucket/key``; raises ValueError for anything else."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise ValueError(f"{uri[:200]!r} is no S3 location; s3://bucket/key would be")
        return cls(*match.groups())

    @property
    def uri(self) -> str:
        """``s3://bucket/key``"""
        return f"s3://{self.bucket}/{self.key}"
