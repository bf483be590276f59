"""The jobs that somebody waits for, by the table's sparse index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

_SHARDS = "0123456789abcdef"
_PAGE = 100  # rows of a BatchGetItem

MOST_INDEXED = 10_000
"""Past this many the figure of the index says nothing more."""


@dataclass(frozen=True)
class OpenJobs:
    """How many there are.

    Attributes:
        under_way: handed to the endpoint, or about to be.
        held: their attempt ended in a pause; they are tried again after it.
    """

    under_way: int
    held: int


def count_open_jobs(dynamodb: Any, table: str) -> OpenJobs:
    """Count the open jobs; costs a read of each."""
    under_way = held = 0
    found = _open_ids(dynamodb, table)
    while ids := tuple(islice(found, _PAGE)):
        for row in _rows(dynamodb, table, ids):
            is_open = row["state"]["S"] in ("submitting", "submitted")  # the index lags behind the table
            held += is_open and "held_at" in row
            under_way += is_open and "held_at" not in row
    return OpenJobs(under_way, held)


def count_indexed_jobs(dynamodb: Any, table: str) -> int:
    """How many jobs the index has, at most MOST_INDEXED: cheap, and behind the table by a moment."""
    counted = 0
    for page in _pages(dynamodb, table, Select="COUNT"):
        counted += page["Count"]
        if counted >= MOST_INDEXED:
            return MOST_INDEXED
    return counted


def _open_ids(dynamodb: Any, table: str) -> Iterator[str]:
    for page in _pages(dynamodb, table):
        yield from (item["job_id"]["S"] for item in page["Items"])


def _pages(dynamodb: Any, table: str, **more: str) -> Iterator[Mapping[str, Any]]:
    for shard in _SHARDS:
        yield from dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName="open",
            KeyConditionExpression="open_since_bucket = :shard",
            ExpressionAttributeValues={":shard": {"S": shard}},
            **more,
        )


def _rows(dynamodb: Any, table: str, ids: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    # No prompt is read: the projection leaves the request out.
    wanted: dict[str, Any] = {
        "Keys": [{"job_id": {"S": job_id}} for job_id in ids],
        "ProjectionExpression": "job_id, #state, held_at",
        "ExpressionAttributeNames": {"#state": "state"},
        "ConsistentRead": True,
    }
    unread: dict[str, Any] = {table: wanted}
    while unread:
        answer = dynamodb.batch_get_item(RequestItems=unread)
        yield from answer["Responses"].get(table, [])
        unread = answer.get("UnprocessedKeys") or {}
