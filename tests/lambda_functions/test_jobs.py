"""The job table's conditional writes, with what a caller knew being older than what stands."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from image_api.job import Job
from image_api.jobs import Jobs

from tests.lambda_functions.local_campaign import Campaign

JOB_ID = "0123456789abcdef0123456789abcdef"
PICTURE = "s3://demo-pictures/pictures/x.out"


@pytest.fixture
def jobs(campaign: Campaign) -> Jobs:
    return Jobs(campaign.dynamodb, "jobs")


def start(jobs: Jobs, known: Job | None = None, now: float = 0.0) -> Job:
    claim = jobs.claim(JOB_ID, "{}", known, now)
    assert claim.won
    return claim.job


def failed(jobs: Jobs, job: Job) -> Job:
    row = jobs.fail(job, "why", 1.0, 100.0)
    assert row is not None
    return row


def stored(jobs: Jobs) -> Job:
    row = jobs.get(JOB_ID, consistent=True)
    assert row is not None
    return row


def test_what_was_claimed_reads_back_as_it_was_written(jobs: Jobs) -> None:
    job = start(jobs, now=1_800_000_000.123)
    assert stored(jobs) == job


def test_a_claim_loses_to_a_job_under_way_that_the_caller_did_not_see(jobs: Jobs) -> None:
    first = start(jobs)
    claim = jobs.claim(JOB_ID, "{}", None, 2.0)
    assert (claim.won, claim.job) == (False, first)


def test_a_claim_on_a_failed_row_loses_when_somebody_has_started_it_anew(jobs: Jobs) -> None:
    seen = failed(jobs, start(jobs))
    second = start(jobs, seen)
    claim = jobs.claim(JOB_ID, "{}", seen, 2.0)
    assert (claim.won, claim.job) == (False, second)
    done = jobs.finish(JOB_ID, PICTURE, 3.0, 100.0)
    claim = jobs.claim(JOB_ID, "{}", seen, 4.0)
    assert (claim.won, claim.job) == (False, done)


@pytest.mark.parametrize("known", ["nothing", "an older failure"])
def test_a_claim_wins_over_a_failed_row_though_the_caller_saw_less(jobs: Jobs, known: str) -> None:
    older = failed(jobs, start(jobs))
    failed(jobs, start(jobs, older))
    claim = jobs.claim(JOB_ID, "{}", None if known == "nothing" else older, 2.0)
    assert claim.won
    assert (claim.job.attempt, claim.job.first_attempt) == (3, 3)
    assert stored(jobs) == claim.job


def test_a_claim_wins_over_an_expired_row_and_not_a_moment_before(jobs: Jobs) -> None:
    start(jobs)
    jobs.finish(JOB_ID, PICTURE, 1.0, 100.0)
    assert not jobs.claim(JOB_ID, "{}", None, 99.9).won
    assert jobs.claim(JOB_ID, "{}", None, 100.0).won


def test_what_is_said_of_an_attempt_that_is_over_changes_nothing(jobs: Jobs) -> None:
    first = start(jobs)
    second = jobs.begin_attempt(first, 1.0)
    assert second is not None
    for change in (
        jobs.mark_submitted(first, PICTURE, None, 2.0),
        jobs.begin_attempt(first, 2.0),
        jobs.fail(first, "why", 2.0, 100.0),
        jobs.touch(first, 2.0),
    ):
        assert change is None
    assert stored(jobs) == second


def test_what_is_said_of_a_finished_job_changes_nothing(jobs: Jobs) -> None:
    job = start(jobs)
    done = jobs.finish(JOB_ID, PICTURE, 1.0, 100.0)
    for change in (
        jobs.mark_submitted(job, PICTURE, None, 2.0),
        jobs.begin_attempt(job, 2.0),
        jobs.fail(job, "why", 2.0, 100.0),
        jobs.touch(job, 2.0),
        jobs.finish(JOB_ID, "s3://demo-pictures/pictures/other.out", 2.0, 200.0),
    ):
        assert change is None
    assert stored(jobs) == done


def test_nothing_makes_a_row_of_a_job_that_is_gone(jobs: Jobs) -> None:
    job = Job(JOB_ID, "submitted", 1, 1, 0.0, 0.0)
    assert jobs.finish(JOB_ID, PICTURE, 1.0, 100.0) is None
    assert jobs.touch(job, 1.0) is None
    assert jobs.get(JOB_ID, consistent=True) is None


def test_no_order_of_writes_breaks_what_a_row_promises(campaign: Campaign) -> None:
    """Any caller may come at any time, with any row it has ever seen."""
    jobs = Jobs(campaign.dynamodb, "jobs")

    class Callers(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            campaign.dynamodb.delete_item(TableName="jobs", Key={"job_id": {"S": JOB_ID}})
            self.now = 0.0
            self.seen: list[Job] = [start(jobs)]
            self.attempts = {1}
            self.was_done = False

        def pick(self, data: st.DataObject) -> Job:
            self.now += 1
            return data.draw(st.sampled_from(self.seen))

        def note(self, job: Job | None) -> None:
            if job is not None:
                self.seen.append(job)

        @rule(data=st.data())
        def claim(self, data: st.DataObject) -> None:
            claim = jobs.claim(JOB_ID, "{}", self.pick(data), self.now)
            self.begin(claim.job if claim.won else None)

        @rule(data=st.data())
        def next_attempt(self, data: st.DataObject) -> None:
            self.begin(jobs.begin_attempt(self.pick(data), self.now))

        def begin(self, job: Job | None) -> None:
            if job is not None:
                assert job.attempt not in self.attempts, "an inference id is used once"
                assert not self.was_done, "no inference for a finished job"
                self.attempts.add(job.attempt)
            self.note(job)

        @rule(data=st.data())
        def submitted(self, data: st.DataObject) -> None:
            self.note(jobs.mark_submitted(self.pick(data), PICTURE, None, self.now))

        @rule(data=st.data())
        def touch(self, data: st.DataObject) -> None:
            self.note(jobs.touch(self.pick(data), self.now))

        @rule(data=st.data())
        def fail(self, data: st.DataObject) -> None:
            self.note(jobs.fail(self.pick(data), "why", self.now, 1e9))

        @rule()
        def finish(self) -> None:
            self.note(jobs.finish(JOB_ID, PICTURE, self.now, 1e9))

        @invariant()
        def row_is_whole(self) -> None:
            item = campaign.dynamodb.get_item(
                TableName="jobs", Key={"job_id": {"S": JOB_ID}}, ConsistentRead=True
            )["Item"]
            row = stored(jobs)
            self.was_done = self.was_done or row.state == "done"
            assert not self.was_done or row.state == "done", "done stays done until it expires"
            assert ("open_since_bucket" in item) == row.is_open
            assert (row.expires_at is None) == row.is_open
            assert (row.picture_location is not None) == (row.state == "done")
            assert (row.reason is not None) == (row.state == "failed")
            assert (row.output_location is None) or row.state != "submitting"

    Callers.TestCase.settings = settings(
        max_examples=20,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Callers.TestCase().runTest()
