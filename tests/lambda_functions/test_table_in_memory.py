"""The table in memory does what moto's does, whatever the functions ask of it in whichever order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_api.job import Job
from image_api.jobs import Jobs
from moto import mock_aws

from tests.lambda_functions.local_campaign import ENVIRONMENT, create_resources
from tests.lambda_functions.table_in_memory import TableInMemory

IDS = ["a" * 32, "a" * 31 + "b", "c" * 32]
TIMES = st.integers(0, 300).map(float)
STEP = st.tuples(
    st.sampled_from(
        [
            "claim",
            "begin_attempt",
            "mark_submitted",
            "begin_drawing",
            "put_back",
            "hold",
            "condemn",
            "refuse",
            "touch",
            "finish",
            "fail",
            "open_ids",
        ]
    ),
    st.sampled_from(IDS),
    TIMES,
    st.integers(0, 2),
)


@pytest.fixture
def moto_jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        create_resources(dynamodb, boto3.client("s3"))
        yield dynamodb


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=5, max_size=25))
def test_any_run_of_the_functions_writes_gives_the_same_answers_and_rows(
    moto_jobs: Any, steps: list[tuple[str, str, float, int]]
) -> None:
    for job_id in IDS:
        moto_jobs.delete_item(TableName="jobs", Key={"job_id": {"S": job_id}})
    memory = TableInMemory()
    both = [Jobs(moto_jobs, "jobs"), Jobs(memory, "jobs")]
    for name, job_id, now, back in steps:
        answers = [do(jobs, name, job_id, now, back) for jobs in both]
        assert answers[0] == answers[1], name
    rows = {row["job_id"]["S"]: row for row in moto_jobs.scan(TableName="jobs")["Items"]}
    assert rows == memory.items


def do(jobs: Jobs, name: str, job_id: str, now: float, back: int) -> Any:
    """One step on one of the tables; ``back`` makes what the caller knows stale."""
    if name == "open_ids":
        return sorted(jobs.open_ids(job_id[0], now))
    if name == "condemn":
        return jobs.condemn(job_id, "s3://b/pictures/x", now)
    if name == "refuse":
        return jobs.refuse(job_id, "unfit", now, now + 50)
    known = jobs.get(job_id, consistent=True)
    if name == "claim":
        return jobs.claim(job_id, "{}", None if back == 2 else known, now)
    if name == "finish":
        return jobs.finish(job_id, "s3://b/pictures/x", now, now + 50)
    if known is None:
        known = Job(job_id, "submitting", 1, 1, now, now)
    stale = Job(job_id, known.state, max(1, known.attempt - back), known.first_attempt, now, now)
    match name:
        case "begin_attempt":
            return jobs.begin_attempt(stale, now, counted=back == 0)
        case "mark_submitted":
            return jobs.mark_submitted(stale, "s3://b/o", None if back else "s3://b/f", now)
        case "begin_drawing":
            return jobs.begin_drawing(stale, "s3://b/o", "s3://b/f", now, now + 20)
        case "fail":
            return jobs.fail(stale, "no", now, now + 50)
        case _:
            return getattr(jobs, name)(stale, now)


def test_what_it_does_not_know_it_refuses() -> None:
    with pytest.raises(NotImplementedError):
        TableInMemory().update_item(
            Key={"job_id": {"S": "a"}}, ConditionExpression="size(a) = :b", UpdateExpression="ADD a :b"
        )


def test_pages_of_the_index_hold_every_open_job_once() -> None:
    memory = TableInMemory()
    jobs = Jobs(memory, "jobs")
    ids = [f"a{number:031x}" for number in range(250)]
    for number, job_id in enumerate(ids):
        jobs.claim(job_id, "{}", None, float(number % 7))
    assert sorted(jobs.open_ids("a", 300)) == ids
    assert len(list(jobs.open_ids("a", 3))) == sum(number % 7 <= 3 for number in range(250))
