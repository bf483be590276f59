"""The job table: one row a job, every change of state one conditional write.

A job is open (submitting, then submitted) until it is terminal (done or failed). Only open rows are in the
sparse index ``open``; only terminal rows carry ``expires_at``, so DynamoDB never deletes a job that
somebody waits for. DynamoDB deletes expired rows days late (its documentation says "within a few days"), so
an expired row counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from image_api.job import Item, Job, item_of, job_of, number, whole_number
from image_api.pause import CACHE_SECONDS, CONTROL_ROW, Pause, pause_of

OPEN_INDEX = "open"
# The index partition of an open job is the first digit of its id, which is evenly spread. One partition
# takes 1000 writes a second and a job costs the index about four: sixteen carry well over 300 new jobs a
# second.
SHARDS = tuple("0123456789abcdef")

_NAMES = {"#state": "state"}  # a reserved word of DynamoDB's
_IS_OPEN = "#state IN (:submitting, :submitted)"
_OPEN_VALUES = {":submitting": {"S": "submitting"}, ":submitted": {"S": "submitted"}}


@dataclass(frozen=True)
class Claim:
    """What became of a wish to start a job.

    Attributes:
        won: this caller starts the job and has to submit it; otherwise somebody else's job stands.
        job: the row as it stands now.
    """

    won: bool
    job: Job


class Jobs:
    """The job table. Methods that change a row return the row as it then is, or None when it had moved on."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._conditional_check_failed = dynamodb.exceptions.ConditionalCheckFailedException
        self._pause: tuple[float, Pause] | None = None

    def get(self, job_id: str, *, consistent: bool) -> Job | None:
        """The row of ``job_id``. A consistent read sees every write that was answered before it began."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"job_id": {"S": job_id}}, ConsistentRead=consistent
        )
        item = answer.get("Item")
        return None if item is None else job_of(item)

    def pause(self, now: float) -> Pause:
        """Whether the campaign is paused, as it was at most CACHE_SECONDS ago."""
        known = self._pause
        if known is None or abs(now - known[0]) >= CACHE_SECONDS:
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={"job_id": {"S": CONTROL_ROW}}, ConsistentRead=True
            )
            known = self._pause = (now, pause_of(answer.get("Item")))
        return known[1]

    def claim(
        self, job_id: str, request: str, known: Job | None, now: float, trace: str | None = None
    ) -> Claim:
        """Start ``job_id`` in place of ``known`` (absent, failed or expired), unless somebody else did.

        The one conditional write that makes it single flight: of any number of callers one wins.
        """
        while True:
            attempt = 1 if known is None else known.attempt + 1
            job = Job(job_id, "submitting", attempt, attempt, now, now, request, trace)
            standing = self._put_unless_taken(job, known, now)
            if standing is None:
                return Claim(True, job)
            if not standing.is_claimable(now) or (known is not None and standing.attempt <= known.attempt):
                return Claim(False, standing)
            # What the caller had read was stale, and what stands is claimable too. Attempts only grow: this
            # ends.
            known = standing

    def _put_unless_taken(self, job: Job, known: Job | None, now: float) -> Job | None:
        condition = "attribute_not_exists(job_id)"
        values: Item = {}
        names: dict[str, str] = {}
        if known is not None:
            condition += (
                " OR (attempt = :known AND ("
                "(#state = :failed AND attribute_not_exists(refused_picture)) OR expires_at <= :now))"
            )
            values = {":known": number(known.attempt), ":failed": {"S": "failed"}, ":now": number(now)}
            names = _NAMES
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item_of(job),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **(
                    {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names} if values else {}
                ),
            )
        except self._conditional_check_failed as error:
            return job_of(error.response["Item"])
        return None

    def begin_attempt(self, job: Job, now: float, *, counted: bool = True) -> Job | None:
        """Go on to the attempt after ``job``'s, unless the job is finished or another attempt has begun.

        With ``counted=False`` the one that ended does not count against the bound on attempts.
        """
        return self._update(
            job.job_id,
            "SET #state = :submitting, attempt = :next, first_attempt = first_attempt + :uncounted,"
            " updated_at = :now"
            " REMOVE submitted_at, output_location, failure_location, drawing_until, held_at",
            f"{_IS_OPEN} AND attempt = :attempt AND attribute_not_exists(refused_picture)",
            {
                **_OPEN_VALUES,
                ":uncounted": number(0 if counted else 1),
                ":next": number(job.attempt + 1),
                ":attempt": number(job.attempt),
                ":now": number(now),
            },
        )

    def mark_submitted(self, job: Job, output: str, failure: str | None, now: float) -> Job | None:
        """The backend has accepted ``job``'s attempt and will write to these locations."""
        values = {
            ":submitted": {"S": "submitted"},
            ":submitting": {"S": "submitting"},
            ":attempt": number(job.attempt),
            ":output": {"S": output},
            ":now": number(now),
        }
        update = "SET #state = :submitted, output_location = :output, submitted_at = :now, updated_at = :now"
        if failure is not None:
            update += ", failure_location = :failure"
            values[":failure"] = {"S": failure}
        return self._update(job.job_id, update, "#state = :submitting AND attempt = :attempt", values)

    def begin_drawing(self, job: Job, output: str, failure: str, now: float, until: float) -> Job | None:
        """The caller draws ``job``'s attempt until ``until``, unless another does so already.

        It is submitted by that, whether or not whoever handed it over came to note it.
        """
        return self._update(
            job.job_id,
            "SET #state = :submitted, output_location = :output, failure_location = :failure,"
            " submitted_at = if_not_exists(submitted_at, :now), updated_at = :now, drawing_until = :until",
            f"{_IS_OPEN} AND attempt = :attempt"
            " AND (attribute_not_exists(drawing_until) OR drawing_until <= :now)",
            {
                **_OPEN_VALUES,
                ":attempt": number(job.attempt),
                ":output": {"S": output},
                ":failure": {"S": failure},
                ":now": number(now),
                ":until": number(until),
            },
        )

    def put_back(self, job: Job, now: float) -> Job | None:
        """The caller draws ``job``'s attempt no longer and another may."""
        return self._update(
            job.job_id,
            "SET updated_at = :now REMOVE drawing_until",
            f"{_IS_OPEN} AND attempt = :attempt",
            {**_OPEN_VALUES, ":attempt": number(job.attempt), ":now": number(now)},
        )

    def hold(self, job: Job, now: float) -> Job | None:
        """``job``'s attempt has ended and the campaign is paused: the next one waits for its end."""
        return self._update(
            job.job_id,
            "SET held_at = if_not_exists(held_at, :now), updated_at = :now REMOVE drawing_until",
            f"{_IS_OPEN} AND attempt = :attempt",
            {**_OPEN_VALUES, ":attempt": number(job.attempt), ":now": number(now)},
        )

    def touch(self, job: Job, now: float) -> Job | None:
        """Somebody looked after ``job`` and found it under way: others wait longer now for the next look."""
        return self._update(
            job.job_id,
            "SET updated_at = :now",
            f"{_IS_OPEN} AND attempt = :attempt",
            {**_OPEN_VALUES, ":attempt": number(job.attempt), ":now": number(now)},
        )

    def finish(self, job_id: str, picture: str, now: float, expires_at: float) -> Job | None:
        """The picture is there. Any attempt's will do, also after the job was given up: it is the same."""
        return self._update(
            job_id,
            "SET #state = :done, picture_location = :picture, completed_at = :now, updated_at = :now,"
            " expires_at = :expires REMOVE open_since_bucket, drawing_until, held_at, reason",
            "attribute_exists(job_id) AND #state <> :done AND attribute_not_exists(refused_picture)",
            {
                ":done": {"S": "done"},
                ":picture": {"S": picture},
                ":now": number(now),
                ":expires": whole_number(expires_at),
            },
        )

    def condemn(self, job_id: str, picture: str, now: float) -> Job | None:
        """Moderation has refused ``picture``, which is to be deleted; the job can't be done any more."""
        return self._update(
            job_id,
            "SET refused_picture = :picture, updated_at = :now",
            "attribute_exists(job_id) AND #state <> :done",
            {":done": {"S": "done"}, ":picture": {"S": picture}, ":now": number(now)},
        )

    def refuse(self, job_id: str, reason: str, now: float, expires_at: float) -> Job | None:
        """The refused picture is deleted: the job has failed for ``reason``, unless it has already."""
        return self._update(
            job_id,
            "SET #state = :failed, reason = :reason, completed_at = :now, updated_at = :now,"
            " expires_at = :expires REMOVE open_since_bucket, drawing_until, held_at",
            "attribute_exists(refused_picture) AND (#state <> :failed OR reason <> :reason)",
            {
                ":failed": {"S": "failed"},
                ":reason": {"S": reason},
                ":now": number(now),
                ":expires": whole_number(expires_at),
            },
        )

    def fail(self, job: Job, reason: str, now: float, expires_at: float) -> Job | None:
        """There is no picture, for ``reason``; unless the job is finished or another attempt has begun."""
        return self._update(
            job.job_id,
            "SET #state = :failed, reason = :reason, completed_at = :now, updated_at = :now,"
            " expires_at = :expires REMOVE open_since_bucket, drawing_until, held_at",
            f"{_IS_OPEN} AND attempt = :attempt",
            {
                **_OPEN_VALUES,
                ":failed": {"S": "failed"},
                ":attempt": number(job.attempt),
                ":reason": {"S": reason},
                ":now": number(now),
                ":expires": whole_number(expires_at),
            },
        )

    def open_ids(self, shard: str, untouched_since: float) -> Iterator[str]:
        """Ids of open jobs in ``shard`` that nobody touched since then, longest untouched first.

        The index is eventually consistent and may project keys only: read the row before acting on it.
        """
        start: dict[str, Any] = {}
        while True:
            page = self._dynamodb.query(
                TableName=self._table,
                IndexName=OPEN_INDEX,
                KeyConditionExpression="open_since_bucket = :shard AND updated_at <= :since",
                ExpressionAttributeValues={":shard": {"S": shard}, ":since": number(untouched_since)},
                Limit=100,
                **start,
            )
            yield from (item["job_id"]["S"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _update(self, job_id: str, update: str, condition: str, values: Mapping[str, Any]) -> Job | None:
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"job_id": {"S": job_id}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self._conditional_check_failed:
            return None
        return job_of(answer["Attributes"])
