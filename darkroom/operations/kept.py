"""What an earlier deployment of a campaign kept: its key, its buckets, its job table.

The stack that made them is gone. They are found by their tags, and belong together by the key that they are
encrypted with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import botocore.exceptions

from darkroom.deployed import find_resources
from darkroom.operations.tags import CAMPAIGN, HOLDS

_GONE = ("NoSuchBucket", "NotFoundException", "ResourceNotFoundException", "404")

Holds = Literal["key", "pictures", "jobs", "bundles"]


@dataclass(frozen=True)
class Kept:
    """One resource that was kept.

    Attributes:
        holds: what it is to the campaign.
        name: its physical id: a key's id, a bucket's or a table's name.
        key: the id of the KMS key that it is, or is encrypted with.
    """

    holds: Holds
    name: str
    key: str


@dataclass(frozen=True)
class Generation:
    """What one deployment kept."""

    key: str
    kept: tuple[Kept, ...]

    def __str__(self) -> str:
        return ", ".join(f"{one.holds} {one.name}" for one in self.kept)


def find_kept(campaign: str, session: Any) -> list[Generation]:
    """What earlier deployments of ``campaign`` kept and no stack has, a generation a key.

    A key that waits for its deletion keeps nothing: what was encrypted with it is as good as gone.
    """
    tagged = session.client("resourcegroupstaggingapi").get_paginator("get_resources")
    filters = [{"Key": CAMPAIGN, "Values": [campaign]}, {"Key": HOLDS, "Values": list(get_args(Holds))}]
    found = [
        kept
        for page in tagged.paginate(TagFilters=filters)
        for entry in page["ResourceTagMappingList"]
        if (kept := _kept(entry, session)) is not None
    ]
    in_stack = find_resources(f"{campaign}-data", session.client("cloudformation"))
    owned = {one.physical_id for one in in_stack}
    generations: dict[str, list[Kept]] = {}
    for one in sorted(found, key=lambda kept: get_args(Holds).index(kept.holds)):
        if one.name not in owned:
            generations.setdefault(one.key, []).append(one)
    return [
        Generation(key, tuple(kept))
        for key, kept in generations.items()
        if any(one.holds == "key" for one in kept)
    ]


def _kept(entry: Any, session: Any) -> Kept | None:
    """What a tagged ARN is; None when it is gone or going."""
    tags = {tag["Key"]: tag["Value"] for tag in entry["Tags"]}
    holds: Holds = tags[HOLDS]
    name = entry["ResourceARN"].split(":", 5)[5].rsplit("/", 1)[-1]
    try:
        key = _key_of(holds, name, session)
    except botocore.exceptions.ClientError as error:
        # The tagging API lists for a while what was deleted.
        if error.response["Error"]["Code"] in _GONE:
            return None
        raise
    described = session.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return Kept(holds, name, described["KeyId"]) if described["KeyState"] != "PendingDeletion" else None


def _key_of(holds: Holds, name: str, session: Any) -> str:
    if holds == "key":
        return name
    if holds == "jobs":
        table = session.client("dynamodb").describe_table(TableName=name)["Table"]
        return str(table["SSEDescription"]["KMSMasterKeyArn"])
    rules = session.client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    return str(rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])
