"""The job table: one row a job, every change of state one conditional write.

A job is open (submitting, then submitted) until it is terminal (done or failed). Only open rows are in the
sparse index ``open``; only terminal rows carry ``expires_at``, so DynamoDB never deletes a job that
somebody waits for. DynamoDB deletes expired rows days late (its documentation says "within a few days"), so
an expired row counts as absent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["submitting", "submitted", "done", "failed"]
Item = dict[str, dict[str, str]]

OPEN_INDEX = "open"
# The index partition of an open job is the first digit of its id, which is evenly spread. One partition
# takes 1000 writes a second and a job costs the index about four: sixteen carry well over 300 new jobs a
# second.
SHARDS = tuple("0123456789abcdef")

_NAMES = {"#state": "state"}  # a reserved word of DynamoDB's
_IS_OPEN = "#state IN (:submitting, :submitted)"
_OPEN_VALUES = {":submitting": {"S": "submitting"}, ":submitted": {"S": "submitted"}}


@dataclass(frozen=True)
class Job:
    """A row of the job table. Times are seconds since the epoch.

    Attributes:
        attempt: which submission to the backend this is, counted over the row's whole life, from 1. Never
            reused, so that the backend's inference id ``<job_id>.<attempt>`` names one submission for ever.
        first_attempt: the attempt that the latest asking began with; the bound on attempts counts from it.
        request: the canonical request, kept here so that whoever finds the job can submit it again.
        updated_at: when somebody last changed the job or looked after it.
        output_location: where the backend will write the picture of this attempt.
        failure_location: where the backend will write why this attempt failed.
        picture_location: where the picture is; a done job has it.
        reason: why there is no picture; a failed job has it.
    """

    job_id: str
    state: State
    attempt: int
    first_attempt: int
    created_at: float
    updated_at: float
    request: str = ""
    submitted_at: float | None = None
    output_location: str | None = None
    failure_location: str | None = None
    completed_at: float | None = None
    picture_location: str | None = None
    reason: str | None = None
    expires_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Somebody waits for it, nobody has finished it."""
        return self.state in ("submitting", "submitted")

    @property
    def attempts_made(self) -> int:
        """Submissions since it was last asked for."""
        return self.attempt - self.first_attempt + 1

    def is_expired(self, now: float) -> bool:
        """It counts as absent, though DynamoDB may not have deleted it yet."""
        return self.expires_at is not None and self.expires_at <= now

    def is_claimable(self, now: float) -> bool:
        """A request for it starts it anew: there is neither a picture nor hope of one."""
        return self.state == "failed" or self.is_expired(now)


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

    def get(self, job_id: str, *, consistent: bool) -> Job | None:
        """The row of ``job_id``. A consistent read sees every write that was answered before it began."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"job_id": {"S": job_id}}, ConsistentRead=consistent
        )
        item = answer.get("Item")
        return None if item is None else _job(item)

    def claim(self, job_id: str, request: str, known: Job | None, now: float) -> Claim:
        """Start ``job_id`` in place of ``known`` (absent, failed or expired), unless somebody else did.

        The one conditional write that makes it single flight: of any number of callers one wins.
        """
        while True:
            attempt = 1 if known is None else known.attempt + 1
            job = Job(job_id, "submitting", attempt, attempt, now, now, request)
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
            condition += " OR (attempt = :known AND (#state = :failed OR expires_at <= :now))"
            values = {":known": _number(known.attempt), ":failed": {"S": "failed"}, ":now": _number(now)}
            names = _NAMES
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(job),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **(
                    {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names} if values else {}
                ),
            )
        except self._conditional_check_failed as error:
            return _job(error.response["Item"])
        return None

    def begin_attempt(self, job: Job, now: float) -> Job | None:
        """Go on to the attempt after ``job``'s, unless the job is finished or another attempt has begun."""
        return self._update(
            job.job_id,
            "SET #state = :submitting, attempt = :next, updated_at = :now"
            " REMOVE submitted_at, output_location, failure_location",
            f"{_IS_OPEN} AND attempt = :attempt",
            {
                **_OPEN_VALUES,
                ":next": _number(job.attempt + 1),
                ":attempt": _number(job.attempt),
                ":now": _number(now),
            },
        )

    def mark_submitted(self, job: Job, output: str, failure: str | None, now: float) -> Job | None:
        """The backend has accepted ``job``'s attempt and will write to these locations."""
        values = {
            ":submitted": {"S": "submitted"},
            ":submitting": {"S": "submitting"},
            ":attempt": _number(job.attempt),
            ":output": {"S": output},
            ":now": _number(now),
        }
        update = "SET #state = :submitted, output_location = :output, submitted_at = :now, updated_at = :now"
        if failure is not None:
            update += ", failure_location = :failure"
            values[":failure"] = {"S": failure}
        return self._update(job.job_id, update, "#state = :submitting AND attempt = :attempt", values)

    def touch(self, job: Job, now: float) -> Job | None:
        """Somebody looked after ``job`` and found it under way: others wait longer now for the next look."""
        return self._update(
            job.job_id,
            "SET updated_at = :now",
            f"{_IS_OPEN} AND attempt = :attempt",
            {**_OPEN_VALUES, ":attempt": _number(job.attempt), ":now": _number(now)},
        )

    def finish(self, job_id: str, picture: str, now: float, expires_at: float) -> Job | None:
        """The picture is there. Any attempt's will do, also after the job was given up: it is the same."""
        return self._update(
            job_id,
            "SET #state = :done, picture_location = :picture, completed_at = :now, updated_at = :now,"
            " expires_at = :expires REMOVE open_since_bucket, reason",
            "attribute_exists(job_id) AND #state <> :done",
            {
                ":done": {"S": "done"},
                ":picture": {"S": picture},
                ":now": _number(now),
                ":expires": _whole_number(expires_at),
            },
        )

    def fail(self, job: Job, reason: str, now: float, expires_at: float) -> Job | None:
        """There is no picture, for ``reason``; unless the job is finished or another attempt has begun."""
        return self._update(
            job.job_id,
            "SET #state = :failed, reason = :reason, completed_at = :now, updated_at = :now,"
            " expires_at = :expires REMOVE open_since_bucket",
            f"{_IS_OPEN} AND attempt = :attempt",
            {
                **_OPEN_VALUES,
                ":failed": {"S": "failed"},
                ":attempt": _number(job.attempt),
                ":reason": {"S": reason},
                ":now": _number(now),
                ":expires": _whole_number(expires_at),
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
                ExpressionAttributeValues={":shard": {"S": shard}, ":since": _number(untouched_since)},
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
        return _job(answer["Attributes"])


def _number(value: float) -> dict[str, str]:
    # Milliseconds are enough, and repr never writes an exponent at this size.
    return {"N": repr(round(value, 3))}


def _whole_number(value: float) -> dict[str, str]:
    # Time to live wants whole seconds.
    return {"N": str(math.ceil(value))}


_TEXTS = ("request", "output_location", "failure_location", "picture_location", "reason")
_TIMES = ("submitted_at", "completed_at", "expires_at")


def _item(job: Job) -> Item:
    """A new open row."""
    return {
        "job_id": {"S": job.job_id},
        "state": {"S": job.state},
        "attempt": _number(job.attempt),
        "first_attempt": _number(job.first_attempt),
        "created_at": _number(job.created_at),
        "updated_at": _number(job.updated_at),
        "request": {"S": job.request},
        "open_since_bucket": {"S": job.job_id[0]},
    }


def _job(item: Item) -> Job:
    optional: dict[str, Any] = {name: item[name]["S"] for name in _TEXTS if name in item}
    optional |= {name: float(item[name]["N"]) for name in _TIMES if name in item}
    return Job(
        job_id=item["job_id"]["S"],
        state=item["state"]["S"],  # type: ignore[arg-type]  # only the values above are ever written
        attempt=int(item["attempt"]["N"]),
        first_attempt=int(item["first_attempt"]["N"]),
        created_at=float(item["created_at"]["N"]),
        updated_at=float(item["updated_at"]["N"]),
        **optional,
    )
