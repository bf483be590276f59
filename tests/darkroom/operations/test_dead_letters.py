"""Messages of the dead-letter queue are read for what they are, and show no prompt."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from darkroom.operations.dead_letters import read

JOB = "0123456789abcdef0123456789abcdef"
PUBLISHED = json.dumps({"inferenceId": f"{JOB}.2", "invocationStatus": "Completed"})
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "m",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:success",
    "Message": PUBLISHED,
    "SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem",
}
EVENT = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": PUBLISHED}}]}
RULE = "arn:aws:events:us-east-1:123456789012:rule/demo-api-EveryMinute-1ABC"
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [RULE], "detail": {}}


def message(body: Any, **attributes: str) -> dict[str, Any]:
    return {
        "MessageId": "1",
        "ReceiptHandle": "r",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": "1800000000000"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def test_what_sns_could_not_hand_over_becomes_the_event_that_lambda_would_have_got() -> None:
    letter = read(message(NOTIFICATION))
    assert (letter.kind, letter.function, letter.jobs) == ("notification", "completion", (JOB,))
    assert letter.event is not None
    [record] = letter.event["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["Sns"]["Message"] == PUBLISHED
    assert record["Sns"]["SigningCertUrl"].endswith(".pem")
    assert "could not invoke" in letter.why
    assert letter.sent.year == 2027


def test_what_the_function_failed_on_is_its_event_unchanged() -> None:
    letter = read(
        message(EVENT, RequestID="q", ErrorCode="200", ErrorMessage="1 of 1 records met an AWS error")
    )
    assert (letter.kind, letter.function, letter.jobs) == ("event", "completion", (JOB,))
    assert letter.event == EVENT
    assert letter.why == "1 of 1 records met an AWS error"


def test_what_eventbridge_could_not_hand_over_is_for_the_function_of_its_rule() -> None:
    rule = "arn:aws:events:us-east-1:123456789012:rule/demo-api-ApiKeysEveryQuarter84EB-1ABC"
    assert read(message({**SCHEDULED, "resources": [rule]}, RULE_ARN=rule)).function == "api-keys"
    assert read(message(SCHEDULED, RULE_ARN="arn:aws:events:another")).function is None
    letter = read(
        message(SCHEDULED, RULE_ARN=RULE, ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="not authorized")
    )
    assert (letter.kind, letter.function, letter.jobs) == ("schedule", "reconciliation", ())
    assert letter.event == SCHEDULED
    assert letter.why == "NO_PERMISSIONS: not authorized"


def test_what_reconciliation_failed_on_is_for_reconciliation_too() -> None:
    assert read(message(SCHEDULED, ErrorMessage="3 of 9 jobs met an AWS error")).function == "reconciliation"


def test_an_errors_text_can_not_write_to_a_terminal() -> None:
    assert read(message(EVENT, ErrorMessage="a\x1b[2J\nb" + "c" * 999)).why == "a [2J b" + "c" * 153


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.builds(
    lambda key, value: {**NOTIFICATION, **EVENT, key: value},
    st.sampled_from(["Type", "Message", "Records", "source"]),
    JSON,
)


@given(body=st.text() | JSON | NEARLY, why=st.text())
def test_whatever_lies_there_is_read_or_called_unreadable(body: Any, why: str) -> None:
    letter = read(message(body, ErrorMessage=why))
    assert (letter.kind == "unreadable") == (letter.function is None) == (letter.event is None)
    assert letter.why.isprintable()
    assert all(len(job) == 32 for job in letter.jobs)
