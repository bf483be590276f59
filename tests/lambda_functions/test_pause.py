"""A paused campaign: nothing new is drawn, nothing is lost, and nothing fails because of the pause."""

from __future__ import annotations

import json

import pytest
from image_api import pause

from tests.lambda_functions.local_campaign import Campaign

SERVER_ERROR = 'Received server error (500) from primary with message "worker died".'
REFUSAL = 'Received client error (400) from primary with message "request refused: unknown size".'
OVERDUE = 600 + 300 + 60 + 1


def set_pause(campaign: Campaign, paused: bool) -> None:
    """Do to the control row what the command does, and wait until every function has seen it."""
    now = {"N": str(campaign.time)}
    update = "SET paused_at = :now" if paused else "SET resumed_at = :now REMOVE paused_at"
    campaign.dynamodb.update_item(
        TableName="jobs",
        Key={"job_id": {"S": pause.CONTROL_ROW}},
        UpdateExpression=update,
        ExpressionAttributeValues={":now": now},
    )
    campaign.time += pause.CACHE_SECONDS


def ask(campaign: Campaign, prompt: str = "a red fox") -> str:
    return str(json.loads(campaign.post({"prompt": prompt})["body"])["id"])


def job(campaign: Campaign) -> dict[str, str]:
    (row,) = (row for row in campaign.rows() if row["job_id"] != pause.CONTROL_ROW)
    return row


def test_a_new_request_is_refused_until_later_and_leaves_nothing(campaign: Campaign) -> None:
    set_pause(campaign, True)
    answer = campaign.post({"prompt": "a red fox"})
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "300"
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert "paused" in json.loads(answer["body"])["detail"]
    assert [row["job_id"] for row in campaign.rows()] == [pause.CONTROL_ROW]
    assert campaign.endpoint.asked == []
    # The scaling reads it: what is not drawn is no demand.
    assert campaign.metric("CacheMisses") == []


def test_a_picture_that_is_there_is_served(campaign: Campaign) -> None:
    job_id = ask(campaign)
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    set_pause(campaign, True)
    assert campaign.post({"prompt": "a red fox"})["statusCode"] == 200
    assert json.loads(campaign.get(job_id)["body"])["status"] == "done"


def test_a_picture_under_way_is_waited_for_and_finished(campaign: Campaign) -> None:
    job_id = ask(campaign)
    set_pause(campaign, True)
    assert json.loads(campaign.post({"prompt": "a red fox"})["body"])["cache"] == "coalesced"
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    assert job(campaign)["state"] == "done"


def test_a_request_that_is_posted_soon_after_is_drawn_or_refused_never_lost(campaign: Campaign) -> None:
    ask(campaign, "the functions have read the row just now")
    campaign.time -= pause.CACHE_SECONDS
    set_pause(campaign, True)  # the clock stands where it stood: what was read counts still
    assert campaign.post({"prompt": "at once"})["statusCode"] == 202
    campaign.time += pause.CACHE_SECONDS
    assert campaign.post({"prompt": "later"})["statusCode"] == 503


@pytest.mark.parametrize("tells", ["notification", "reconciliation", "nobody"])
def test_what_fails_meanwhile_stays_open_and_is_drawn_after_the_pause(campaign: Campaign, tells: str) -> None:
    job_id = ask(campaign)
    set_pause(campaign, True)
    if tells != "nobody":
        message = campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR)
        if tells == "notification":
            campaign.notify(message, message)
    campaign.time += OVERDUE
    for _ in range(3):
        campaign.reconcile()
        campaign.time += 61
    assert json.loads(campaign.get(job_id)["body"])["status"] == "queued"
    assert campaign.endpoint.asked == [f"{job_id}.1"]

    set_pause(campaign, False)
    campaign.time += 61
    campaign.reconcile()

    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.2"))
    assert job(campaign)["state"] == "done"
    assert "held_at" not in job(campaign)


def test_an_attempt_that_a_pause_cost_is_none_of_the_jobs(campaign: Campaign) -> None:
    """Two pauses in which its request expires, then two failures: it has been tried twice, not four times."""
    job_id = ask(campaign)
    for number in (1, 2):
        set_pause(campaign, True)
        campaign.time += OVERDUE
        campaign.reconcile()
        set_pause(campaign, False)
        campaign.time += 61
        campaign.reconcile()
        assert campaign.endpoint.asked[-1] == f"{job_id}.{number + 1}"
    for number in (3, 4):
        campaign.time += 1
        campaign.notify(campaign.endpoint.fail(f"{job_id}.{number}", SERVER_ERROR))
    assert job(campaign)["state"] == "submitted"
    campaign.notify(campaign.endpoint.fail(f"{job_id}.5", SERVER_ERROR))
    assert job(campaign)["state"] == "failed"
    assert job(campaign)["reason"].startswith("Given up after 3 attempts.")


def test_a_request_that_expires_soon_after_the_pause_was_spent_by_it(campaign: Campaign) -> None:
    job_id = ask(campaign)
    set_pause(campaign, True)
    campaign.time += 500
    set_pause(campaign, False)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", "expired"))
    assert int(job(campaign)["attempt"]) - int(job(campaign)["first_attempt"]) == 0


def test_a_picture_that_comes_after_its_attempt_was_held_finishes_it(campaign: Campaign) -> None:
    job_id = ask(campaign)
    set_pause(campaign, True)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", SERVER_ERROR))
    campaign.endpoint.draw(f"{job_id}.1")
    campaign.time += 61
    campaign.reconcile()
    assert job(campaign)["state"] == "done"
    assert campaign.endpoint.asked == [f"{job_id}.1"]


def test_what_the_model_refuses_is_refused_in_a_pause_too(campaign: Campaign) -> None:
    job_id = ask(campaign)
    set_pause(campaign, True)
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    assert job(campaign)["state"] == "failed"


def test_a_metric_says_each_minute_that_it_is_paused(campaign: Campaign) -> None:
    campaign.reconcile()
    assert campaign.metric("Paused") == []
    set_pause(campaign, True)
    campaign.reconcile()
    assert campaign.metric("Paused") == [1.0]
