"""Jobs that nobody finished: found, and finished, tried again or given up."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from image_api import reconciliation

from tests.lambda_functions.local_campaign import Campaign

SERVER_ERROR = 'Received server error (500) from primary with message "worker died".'
REFUSAL = 'Received client error (400) from primary with message "request refused: unknown size".'
OVERDUE = 600 + 300 + 60 + 1


def ask(campaign: Campaign, prompt: str = "a red fox") -> str:
    return str(json.loads(campaign.post({"prompt": prompt})["body"])["id"])


def test_a_picture_whose_message_was_lost_is_found_after_a_minute(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.endpoint.draw(f"{job_id}.1")
    campaign.time += 59
    assert campaign.reconcile() == {"jobs": 0}
    assert campaign.row()["state"] == "submitted"
    campaign.time += 2
    assert campaign.reconcile() == {"jobs": 1}
    assert campaign.row()["state"] == "done"
    assert campaign.metric("RequestLatency") == [61.0]
    assert len(campaign.endpoint.asked) == 1


def test_a_failure_whose_message_was_lost_is_tried_again(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR)
    campaign.time += 61
    campaign.reconcile()
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]


def test_a_refusal_whose_message_was_lost_fails_the_job(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.endpoint.fail(f"{job_id}.1", REFUSAL)
    campaign.time += 61
    campaign.reconcile()
    assert campaign.row()["reason"] == "The model refused the request: unknown size"


def test_a_job_that_is_being_drawn_is_left_alone_until_it_is_overdue(campaign: Campaign) -> None:
    job_id = ask(campaign)
    for _ in range(15):
        campaign.time += 61
        campaign.reconcile()
    assert len(campaign.endpoint.asked) == 1
    campaign.time += 61
    campaign.reconcile()
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]


def test_a_job_that_nothing_ever_answers_ends_with_a_reason(campaign: Campaign) -> None:
    ask(campaign)
    for _ in range(3):
        campaign.time += OVERDUE
        campaign.reconcile()
    assert len(campaign.endpoint.asked) == 3
    row = campaign.row()
    assert row["state"] == "failed"
    assert row["reason"] == "Given up after 3 attempts. The model did not answer in time."


def test_finished_jobs_are_never_looked_at(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    campaign.time += OVERDUE
    assert campaign.reconcile() == {"jobs": 0}
    assert len(campaign.endpoint.asked) == 1


def test_two_runs_at_once_begin_one_attempt_a_job(campaign: Campaign) -> None:
    ids = [ask(campaign, f"fox {number}") for number in range(30)]
    for job_id in ids:
        campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR)
    campaign.time += 61
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: campaign.reconcile(), range(2)))
    assert sorted(campaign.endpoint.asked) == sorted(f"{job_id}.{n}" for job_id in ids for n in (1, 2))


def test_out_of_time_it_stops_and_the_next_run_goes_on(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "LEAST_SECONDS", 0)
    for number in range(5):
        ask(campaign, f"fox {number}")
    campaign.time += 61
    reserve = reconciliation.RESERVE_SECONDS * 1000
    assert campaign.reconcile(milliseconds=reserve) == {"jobs": 0}
    assert campaign.reconcile(milliseconds=reserve + 30_000) == {"jobs": 5}
    assert campaign.reconcile() == {"jobs": 0}, "all were looked after within this minute"


def test_with_a_clock_that_is_ahead_it_looks_after_jobs_all_the_same(campaign: Campaign) -> None:
    ask(campaign, "fox")
    campaign.time += 61
    assert campaign.reconcile(milliseconds=0) == {"jobs": 1}, "AWS's client reckons with the function's clock"


def test_a_list_that_aws_does_not_give_keeps_the_other_lists_from_nothing(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        ask(campaign, f"fox {number}")
    campaign.time += 61
    query = campaign.dynamodb.query
    shards = {row["open_since_bucket"] for row in campaign.rows()}
    broken = sorted(shards)[0]

    def throttled(**parameters: Any) -> Any:
        if parameters["ExpressionAttributeValues"][":shard"]["S"] == broken:
            error = {"Error": {"Code": "ThrottlingException", "Message": "x"}}
            raise ClientError(error, "Query")
        return query(**parameters)

    monkeypatch.setattr(campaign.dynamodb, "query", throttled)
    with pytest.raises(reconciliation.ReconciliationError, match="1 of"):
        campaign.reconcile()
    untouched = {
        row["open_since_bucket"] for row in campaign.rows() if float(row["updated_at"]) < campaign.time
    }
    assert untouched == {broken}


def test_more_jobs_than_one_page_are_all_looked_after(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = campaign.dynamodb.query
    monkeypatch.setattr(campaign.dynamodb, "query", lambda **parameters: query(**{**parameters, "Limit": 1}))
    ids = [ask(campaign, f"fox {number}") for number in range(40)]
    for job_id in ids:
        campaign.endpoint.draw(f"{job_id}.1")
    campaign.time += 61
    assert campaign.reconcile() == {"jobs": 40}
    assert {row["state"] for row in campaign.rows()} == {"done"}


def test_open_jobs_are_spread_over_the_partitions_of_the_index(campaign: Campaign) -> None:
    for number in range(60):
        ask(campaign, f"fox {number}")
    partitions = [row["open_since_bucket"] for row in campaign.rows()]
    assert len(set(partitions)) > 8
    assert max(partitions.count(shard) for shard in partitions) < 15


def test_one_job_that_meets_an_error_does_not_keep_the_others_waiting(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [ask(campaign, f"fox {number}") for number in range(3)]
    for job_id in ids[1:]:
        campaign.endpoint.draw(f"{job_id}.1")
    # What S3 answers to who may not list the bucket, for an object that is not there.
    forbidden = ClientError(
        {"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}},
        "HeadObject",
    )
    head_object = campaign.s3.head_object

    def head(**parameters: Any) -> Any:
        try:
            return head_object(**parameters)
        except ClientError:
            raise forbidden from None

    monkeypatch.setattr(campaign.s3, "head_object", head)
    campaign.time += 61
    with pytest.raises(reconciliation.ReconciliationError, match="1 of 3 jobs"):
        campaign.reconcile()
    assert sorted(row["state"] for row in campaign.rows()) == ["done", "done", "submitted"]
