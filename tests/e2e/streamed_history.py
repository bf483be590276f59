"""What became of every job in a deployed campaign, read off the job table's stream as it is written."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any, Self

from tests.e2e.deployment import Deployment
from tests.lambda_functions.job_history import JobHistory

_EVERY_SECONDS = 1.0
_PAGE = 1000


class StreamedHistory:
    """Reads the stream inside the ``with`` block.

    Attributes:
        now: when the write happened that is being read, by the clock of the table.
        jobs: the history that the writes make up.
        open: how many jobs were not terminal a moment ago.
        ids: of every prompt that was asked for, its job's id.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.now = 0.0
        self.open = 0
        self.ids: dict[str, str] = {}
        self.jobs = JobHistory(self)
        self._streams = deployment.client("dynamodbstreams")
        self._over = threading.Event()
        self._iterator = self._begin(deployment.client("dynamodb"), deployment.jobs_table)
        self._thread = threading.Thread(target=self._follow, name="stream", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Everything is read that was written before."""
        self._over.set()
        self._thread.join()
        self._read()

    def _begin(self, dynamodb: Any, table: str) -> str:
        seen = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        made = dynamodb.update_table(TableName=table, StreamSpecification=seen)["TableDescription"]
        arn = made["LatestStreamArn"]
        [shard] = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        begun = self._streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        return str(begun["ShardIterator"])

    def _follow(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self._read()

    def _read(self) -> None:
        records: list[Any] = [None]
        while records:
            page = self._streams.get_records(ShardIterator=self._iterator, Limit=_PAGE)
            self._iterator, records = page["NextShardIterator"], page["Records"]
            for record in records:
                self._take_in(record["dynamodb"])
        self.open = len(self.jobs.open)

    def _take_in(self, write: Mapping[str, Any]) -> None:
        self.now = write["ApproximateCreationDateTime"].timestamp()
        row = write["NewImage"]
        if row["attempt"] == row["first_attempt"] and row["created_at"] == row["updated_at"]:
            self.ids[json.loads(row["request"]["S"])["prompt"]] = row["job_id"]["S"]
            self.jobs.claimed(row)
        else:
            self.jobs.updated(row)
