"""The queue of an endpoint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.sagemaker.backlog import Backlog, InferenceRequest
from darkroom.sandbox.sagemaker.configuration import AsyncOutput


def request(number: int, received: float = 0.0, ttl: float = 60.0) -> InferenceRequest:
    return InferenceRequest(
        inference_id=str(number),
        input_location="s3://b/k",
        body=None,
        content_type=None,
        accept=None,
        output_location="s3://b/out",
        failure_location=None,
        output=AsyncOutput("s3://b", None, None, None, None),
        received=received,
        ttl=ttl,
    )


@given(st.lists(st.sampled_from(["put", "take", "finish", "give back"]), max_size=60))
def test_no_request_is_lost_or_served_twice_and_the_order_holds(steps: list[str]) -> None:
    backlog, expected, running, finished, count = Backlog(), list[str](), [], list[str](), 0
    for step in steps:
        if step == "put":
            backlog.put(request(count))
            expected.append(str(count))
            count += 1
        elif step == "take":
            taken = backlog.take(0)
            assert (taken.inference_id if taken else None) == (expected.pop(0) if expected else None)
            running += [taken] if taken else []
        elif running and step == "finish":
            done = running.pop()
            backlog.finish(done)
            finished.append(done.inference_id)
        elif running and step == "give back":
            returned = running.pop()
            backlog.give_back(returned)
            expected.insert(0, returned.inference_id)
        state = backlog.state()
        assert (state.waiting, state.in_flight) == (len(expected), len(running))
    assert len(expected) + len(running) + len(finished) == count


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(60, 200)), max_size=20), st.floats(0, 300))
def test_exactly_the_requests_past_their_time_to_live_expire(
    times: list[tuple[float, float]], now: float
) -> None:
    backlog = Backlog()
    for number, (received, ttl) in enumerate(times):
        backlog.put(request(number, received, ttl))
    expired = {one.inference_id for one in backlog.take_expired(now)}
    assert expired == {str(n) for n, (received, ttl) in enumerate(times) if now - received > ttl}
    assert backlog.state().waiting == len(times) - len(expired)


def test_the_oldest_request_counts_until_it_is_finished() -> None:
    backlog = Backlog()
    for number in range(3):
        backlog.put(request(number, received=10.0 + number))
    oldest = backlog.take(0)
    assert oldest is not None
    assert backlog.state().oldest_received == 10.0
    backlog.finish(oldest)
    assert backlog.state().oldest_received == 11.0
    backlog.clear()
    assert backlog.state().oldest_received is None
