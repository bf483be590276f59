"""The functions die after any AWS call, and every job still ends; none is drawn once it is finished."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lambda_functions.local_campaign import Campaign, Crash

Arm = Callable[[int], Callable[[], None]]
SERVER_ERROR = "Received server error (500) from primary"


def run_until_terminal(campaign: Campaign, *, messages: bool) -> None:
    """Let the endpoint draw what it is asked, with or without its messages arriving, and reconcile."""
    drawn: set[str] = set()
    for _ in range(10):
        for inference_id in set(campaign.endpoint.asked) - drawn:
            drawn.add(inference_id)
            message = campaign.endpoint.draw(inference_id)
            if messages:
                campaign.notify(message)
        campaign.time += 61
        campaign.reconcile()
        if all(row["state"] in ("done", "failed") for row in campaign.rows()):
            return
    raise AssertionError(f"not terminal: {campaign.rows()}")


def dies(action: Callable[[], Any]) -> bool:
    try:
        action()
    except Crash:
        return True
    return False


@pytest.mark.parametrize("messages", [True, False], ids=["messages arrive", "messages are lost"])
@pytest.mark.parametrize("calls", range(1, 7))
def test_the_front_end_dies_after_a_call(
    campaign: Campaign, crash_after: Arm, calls: int, messages: bool
) -> None:
    disarm = crash_after(calls)
    assert dies(lambda: campaign.post({"prompt": "a red fox"})), (
        "read, pause, claim, payload, invocation, note"
    )
    disarm()
    if not campaign.rows():  # it died before it wrote: the client, who got no answer, asks again
        campaign.post({"prompt": "a red fox"})
    run_until_terminal(campaign, messages=messages)
    assert campaign.row()["state"] == "done"
    # Unless it died between the endpoint's yes and noting it, with the message lost, nothing is drawn twice.
    twice = calls == 5 and not messages
    assert len(campaign.endpoint.asked) == (2 if twice else 1)
    asked = len(campaign.endpoint.asked)
    campaign.time += 3000
    campaign.reconcile()
    assert len(campaign.endpoint.asked) == asked, "no inference for a finished job"


@pytest.mark.parametrize("calls", range(1, 7))
def test_completion_dies_after_a_call_while_it_tries_again(
    campaign: Campaign, crash_after: Arm, calls: int
) -> None:
    campaign.post({"prompt": "a red fox"})
    message = campaign.endpoint.fail(campaign.endpoint.asked[0], SERVER_ERROR)
    disarm = crash_after(calls)
    assert dies(lambda: campaign.notify(message)), "read, reason, next attempt, payload, invocation, note"
    disarm()
    campaign.notify(message)  # Lambda delivers the event again
    run_until_terminal(campaign, messages=False)
    assert campaign.row()["state"] == "done"
    assert len(campaign.endpoint.asked) <= 3


@pytest.mark.parametrize("calls", range(1, 3))
def test_completion_dies_after_a_call_while_it_finishes(
    campaign: Campaign, crash_after: Arm, calls: int
) -> None:
    campaign.post({"prompt": "a red fox"})
    message = campaign.endpoint.draw(campaign.endpoint.asked[0])
    disarm = crash_after(calls)
    assert dies(lambda: campaign.notify(message)) == (calls == 1)
    disarm()
    campaign.notify(message)
    assert campaign.row()["state"] == "done"
    assert len(campaign.endpoint.asked) == 1


# One reads the pause, sixteen list the shards, seven are the job's, on a thread beside them.
@pytest.mark.parametrize("calls", range(11, 25))
def test_reconciliation_dies_after_a_call(campaign: Campaign, crash_after: Arm, calls: int) -> None:
    campaign.post({"prompt": "a red fox"})
    campaign.endpoint.fail(campaign.endpoint.asked[0], SERVER_ERROR)
    campaign.time += 61
    disarm = crash_after(calls)
    assert dies(campaign.reconcile)
    disarm()
    run_until_terminal(campaign, messages=False)
    assert campaign.row()["state"] == "done"
    assert len(campaign.endpoint.asked) <= 3


def test_every_function_is_invoked_twice_with_every_event(campaign: Campaign) -> None:
    for _ in range(2):
        campaign.post({"prompt": "a red fox"})
    for _ in range(2):
        campaign.notify(campaign.endpoint.fail(campaign.endpoint.asked[0], SERVER_ERROR))
    for _ in range(2):
        campaign.notify(campaign.endpoint.draw(campaign.endpoint.asked[1]))
        campaign.time += 61
        campaign.reconcile()
        campaign.reconcile()
    assert campaign.row()["state"] == "done"
    assert len(campaign.endpoint.asked) == 2
