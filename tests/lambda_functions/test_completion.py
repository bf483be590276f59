"""What the endpoint's messages do to jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from image_api import completion

from tests.lambda_functions.local_campaign import Campaign, LambdaContext

SERVER_ERROR = 'Received server error (500) from primary with message "worker died".'
REFUSAL = 'Received client error (400) from primary with message "request refused: unknown size".'


def ask(campaign: Campaign, prompt: str = "a red fox") -> str:
    return str(json.loads(campaign.post({"prompt": prompt})["body"])["id"])


def test_a_success_finishes_the_job_and_records_how_long_it_took(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.time += 7.25
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    row = campaign.row()
    assert row["state"] == "done"
    assert row["picture_location"] == campaign.endpoint.output(f"{job_id}.1")
    assert row["expires_at"] == "1800003608", "whole seconds: DynamoDB's time to live reads no fractions"
    assert "open_since_bucket" not in row
    assert campaign.metric("RequestLatency") == [7.25]
    assert campaign.metric("PicturesCompleted") == [1.0]


def test_a_success_that_comes_twice_counts_once(campaign: Campaign) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.draw(f"{job_id}.1")
    campaign.notify(message, message)
    row = campaign.row()
    campaign.time += 100
    campaign.notify(message)
    assert campaign.row() == row
    assert campaign.metric("PicturesCompleted") == [1.0]


def test_a_passing_error_begins_the_next_attempt_once_however_often_it_is_told(campaign: Campaign) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR)
    campaign.notify(message, message)
    campaign.notify(message)
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]
    assert campaign.endpoint.inputs[f"{job_id}.2"] == campaign.endpoint.inputs[f"{job_id}.1"]
    assert campaign.metric("JobsResubmitted") == [1.0]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.2"))
    assert campaign.row()["state"] == "done"


def test_attempts_are_bounded_and_the_job_then_says_so(campaign: Campaign) -> None:
    job_id = ask(campaign)
    for attempt in (1, 2, 3):
        campaign.notify(campaign.endpoint.fail(f"{job_id}.{attempt}", SERVER_ERROR))
    row = campaign.row()
    assert row["state"] == "failed"
    assert row["reason"] == "Given up after 3 attempts. The model answered with an error (500)."
    assert campaign.endpoint.asked == [f"{job_id}.{attempt}" for attempt in (1, 2, 3)]
    assert campaign.metric("JobsFailed") == [1.0]


def test_a_refusal_fails_the_job_at_once(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    assert campaign.row()["state"] == "failed"
    assert len(campaign.endpoint.asked) == 1


def test_asking_again_for_a_failed_job_allows_all_attempts_again(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    ask(campaign)
    for attempt in (2, 3):
        campaign.notify(campaign.endpoint.fail(f"{job_id}.{attempt}", SERVER_ERROR))
    assert campaign.row()["state"] == "submitted"
    campaign.notify(campaign.endpoint.fail(f"{job_id}.4", SERVER_ERROR))
    assert campaign.row()["state"] == "failed"


def test_a_success_of_an_earlier_attempt_finishes_the_job_too(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR))
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    assert campaign.row()["state"] == "done"
    campaign.notify(campaign.endpoint.fail(f"{job_id}.2", SERVER_ERROR))
    assert campaign.row()["state"] == "done"
    assert len(campaign.endpoint.asked) == 2, "no inference for a finished job"


def test_a_success_after_the_job_was_given_up_still_makes_it_done(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    row = campaign.row()
    assert row["state"] == "done"
    assert "reason" not in row


def test_a_picture_elsewhere_is_never_linked_to(campaign: Campaign) -> None:
    job_id = ask(campaign)
    for location in ("s3://other-bucket/pictures/x.out", "s3://demo-pictures/failures/x.out"):
        message = campaign.endpoint.draw(f"{job_id}.1")
        campaign.notify({**message, "responseParameters": {"outputLocation": location}})
    assert campaign.row()["state"] == "submitted"


def test_a_malformed_record_does_not_keep_the_others_from_being_taken_in(campaign: Campaign) -> None:
    job_id = ask(campaign)
    good = {"Sns": {"Message": json.dumps(campaign.endpoint.draw(f"{job_id}.1"))}}
    completion.handler({"Records": [None, {"Sns": {"Message": "{"}}, {}, good]}, LambdaContext())
    assert campaign.row()["state"] == "done"


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": "x"}, {"Records": []}])
def test_an_event_without_records_does_nothing(campaign: Campaign, event: dict[str, Any]) -> None:
    completion.handler(event, LambdaContext())


def test_a_message_for_a_job_that_is_gone_is_no_error(campaign: Campaign) -> None:
    unknown = "f" * 32
    campaign.notify(campaign.endpoint.draw(f"{unknown}.1"), campaign.endpoint.fail(f"{unknown}.1", REFUSAL))
    assert campaign.rows() == []


def test_a_table_that_does_not_answer_is_raised_so_that_lambda_tries_again(campaign: Campaign) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.draw(f"{job_id}.1")
    campaign.dynamodb.delete_table(TableName="jobs")
    with pytest.raises(completion.CompletionError, match="1 of 2 records"):
        campaign.notify({"eventName": "TestNotification"}, message)


def test_the_reason_is_the_containers_own_where_the_message_only_has_a_status(campaign: Campaign) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.fail(
        f"{job_id}.1", '{"code": 400, "message": "request refused: steps must be even"}'
    )
    campaign.notify({**message, "failureReason": "ClientError: Received client error (400) from model."})
    assert campaign.row()["reason"] == "The model refused the request: steps must be even"


@pytest.mark.parametrize("location", ["s3://gone/failures/x", "s3://demo-pictures/failures/x", "nowhere"])
def test_a_reason_that_was_not_kept_is_no_hindrance(campaign: Campaign, location: str) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.fail(f"{job_id}.1", REFUSAL)
    campaign.notify({**message, "responseParameters": {"failureLocation": location}})
    assert campaign.row()["reason"] == "The model refused the request: unknown size"


def test_a_refusal_stays_one_whatever_was_kept_of_it(campaign: Campaign) -> None:
    job_id = ask(campaign)
    message = campaign.endpoint.fail(f"{job_id}.1", "<html>")
    campaign.notify({**message, "failureReason": REFUSAL})
    assert campaign.row()["state"] == "failed"
