"""Messages of the endpoint, in every shape they are known to come in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_api.failure import classify
from image_api.notification import Completed, Failed, Ignored, parse
from image_api.s3_location import S3Location
from image_api.stages import Drawing

JOB_ID = "0123456789abcdef0123456789abcdef"
SUCCESS = {
    "awsRegion": "us-east-1",
    "eventTime": "2026-11-22T01:00:00.000Z",
    "receivedTime": "2026-11-22T00:59:50.000Z",
    "invocationStatus": "Completed",
    "requestParameters": {"endpointName": "demo", "inputLocation": "s3://demo-payloads/payloads/x/1.json"},
    "responseParameters": {"contentType": "image/png", "outputLocation": "s3://demo-pictures/pictures/u.out"},
    "inferenceId": f"{JOB_ID}.2",
    "eventVersion": "1.0",
    "eventSource": "aws:sagemaker",
    "eventName": "InferenceResult",
}
ERROR = {
    **{name: value for name, value in SUCCESS.items() if name != "responseParameters"},
    "invocationStatus": "Failed",
    "failureReason": 'Received server error (500) from primary with message "out of memory".',
}
DRAWING = Drawing(received_at=1795309190.0, answered_at=1795309200.0)
FAILURE_LOCATION = "s3://demo-pictures/failures/u-error.out"


def record(message: Any) -> dict[str, Any]:
    return {"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": json.dumps(message)}}


def test_a_success_names_the_job_its_attempt_and_its_picture() -> None:
    expected = Completed(JOB_ID, 2, S3Location("demo-pictures", "pictures/u.out"), DRAWING)
    assert parse(record(SUCCESS)) == expected


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ({"failureLocation": FAILURE_LOCATION}, FAILURE_LOCATION),
        ({"responseParameters": {"failureLocation": FAILURE_LOCATION}}, FAILURE_LOCATION),
        ({"responseParameters": None}, None),
        ({}, None),
    ],
    ids=["at the top", "under responseParameters", "responseParameters null", "nowhere"],
)
def test_a_failure_tells_its_location_wherever_it_stands(where: dict[str, Any], location: str | None) -> None:
    notification = parse(record({**ERROR, **where}))
    assert isinstance(notification, Failed)
    assert (notification.job_id, notification.attempt) == (JOB_ID, 2)
    assert notification.failure_location == location
    assert not notification.failure.permanent


@pytest.mark.parametrize(
    "message",
    [
        {"eventName": "TestNotification", "endpointName": "demo"},
        {**SUCCESS, "eventName": "TestNotification"},
        {**SUCCESS, "inferenceId": "somebody-elses"},
        {**SUCCESS, "inferenceId": f"{JOB_ID}.0"},
        {**SUCCESS, "inferenceId": f"{JOB_ID}.2\n"},
        {**SUCCESS, "inferenceId": None},
        {**SUCCESS, "responseParameters": {}},
        {**SUCCESS, "responseParameters": {"outputLocation": "https://example.com/x"}},
        {**SUCCESS, "invocationStatus": "InProgress"},
        [],
        "text",
        None,
    ],
)
def test_a_message_that_is_not_about_a_job_of_ours_is_ignored(message: Any) -> None:
    assert isinstance(parse(record(message)), Ignored)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["Sns", "Message", "inferenceId", "invocationStatus"]) | st.text(max_size=5),
                x,
            )
        ),
    )
)
def test_no_record_however_malformed_is_a_fault(value: Any) -> None:
    for candidate in (value, {"Sns": value}, {"Sns": {"Message": value}}, record(value)):
        assert isinstance(parse(candidate), Ignored)


IN_QUOTES = """ from primary with message "{
  "code": 400,
  "type": "InternalServerException",
  "message": "request refused: steps must be 1 to 8, it is 9"
}". See https://console in account 1 for more information."""
REFUSAL = "The model refused the request: steps must be 1 to 8, it is 9"


@pytest.mark.parametrize(
    ("text", "permanent", "reason"),
    [
        ("Received client error (400)" + IN_QUOTES, True, REFUSAL),
        ("Received server error (500)" + IN_QUOTES, True, REFUSAL),
        ('{"code": 500, "message": "request refused: no such size\\nTraceback"}', True, None),
        # Every exception is a 400 in one toolkit: it may pass.
        ('Received client error (400) from primary with message "nrt_exec failed"', False, "(400)"),
        ('{"code":400,"type":"InternalServerException","message":"out of memory"}', False, "(400)"),
        ("Received server error (500) from primary", False, "(500)"),
        ("Received server error (0) from primary", False, "did not answer"),
        ("Request has expired", False, "did not answer"),
        ("<html>", False, "did not answer"),
        ("[" * 4096, False, "did not answer"),
        ("", False, "did not answer"),
    ],
)
def test_only_a_refusal_in_the_serving_codes_own_words_is_permanent(
    text: str, permanent: bool, reason: str | None
) -> None:
    failure = classify(text)
    assert failure.permanent is permanent
    assert (reason or "refused the request: no such size") in failure.reason
    assert "Traceback" not in failure.reason
