"""What lies in a campaign's dead-letter queue: three kinds of message, read without showing a prompt.

- What SNS could not hand to the function: the body is SNS's message itself (SNS developer guide, "Amazon SNS
  dead-letter queues").
- What the function failed on, three times: the body is the event, the attributes RequestID, ErrorCode and
  ErrorMessage say more (Lambda developer guide, "Dead-letter queues").
- What EventBridge could not hand over: the body is the event, the attributes RULE_ARN, TARGET_ARN, ERROR_CODE
  and ERROR_MESSAGE say more (EventBridge user guide, "Using dead-letter queues").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["notification", "event", "schedule", "unreadable"]
Function = Literal["completion", "reconciliation", "api-keys"]

# A rule's name has its logical id in it (stacks/api_stack.py, stacks/api_keys.py).
_RULES: dict[str, Function] = {"EveryMinute": "reconciliation", "EveryQuarter": "api-keys"}

_JOB_ID = re.compile(r"[0-9a-f]{32}(?=\.[1-9][0-9]{0,8}$)")
_LONGEST_WHY = 160


@dataclass(frozen=True)
class DeadLetter:
    """A message of the queue.

    Attributes:
        kind: notification, never handed over by SNS; event, the function failed on it; schedule, a rule's
            call of its function; unreadable, none of these.
        sent: when it was put there.
        why: what went wrong, as far as its attributes say; free of what was asked.
        jobs: the ids of the jobs that it is about.
        function: who it is for; None where that can't be told.
        event: what that function is to be invoked with; None where it can't be told.
    """

    message_id: str
    receipt: str
    kind: Kind
    sent: datetime
    why: str
    jobs: tuple[str, ...] = ()
    function: Function | None = None
    event: Mapping[str, Any] | None = None


def read(message: Mapping[str, Any]) -> DeadLetter:
    """A message as SQS hands it out, with all attributes; never raises, whatever its body is."""
    body = _object(message.get("Body", ""))
    attributes = {
        name: str(value.get("StringValue", ""))
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    found = _recognized(body, attributes)
    return DeadLetter(
        message_id=str(message["MessageId"]),
        receipt=str(message["ReceiptHandle"]),
        sent=_sent(message),
        why=_why(attributes, found[0]),
        kind=found[0],
        jobs=tuple(_jobs(found[2])),
        function=found[1],
        event=found[2],
    )


def _recognized(
    body: Mapping[str, Any] | None, attributes: Mapping[str, str]
) -> tuple[Kind, Function | None, Mapping[str, Any] | None]:
    if body is None:
        return "unreadable", None, None
    records = body.get("Records")
    if isinstance(records, list) and records and all(_is_notification(one) for one in records):
        return "event", "completion", body
    if body.get("Type") == "Notification" and isinstance(body.get("Message"), str):
        return "notification", "completion", wrapped(body)
    if body.get("source") == "aws.events" or "RULE_ARN" in attributes:
        rule = attributes.get("RULE_ARN") or " ".join(map(str, body.get("resources") or []))
        return "schedule", next((each for name, each in _RULES.items() if name in rule), None), body
    return "unreadable", None, None


def wrapped(notification: Mapping[str, Any]) -> dict[str, Any]:
    """An SNS message as the event that Lambda would have got of it (Lambda developer guide, "SNS")."""
    # Of a queue's message two names end in URL that end in Url in an event's.
    names = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    sns = {names.get(name, name): value for name, value in notification.items()}
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}


def _is_notification(record: Any) -> bool:
    return isinstance(record, dict) and isinstance(record.get("Sns"), dict)


def _jobs(event: Mapping[str, Any] | None) -> list[str]:
    jobs = []
    for record in (event or {}).get("Records", []):
        message = _object(record["Sns"].get("Message", "")) or {}
        named = _JOB_ID.match(str(message.get("inferenceId", "")))
        if named:
            jobs.append(named[0])
    return jobs


def _sent(message: Mapping[str, Any]) -> datetime:
    milliseconds = int((message.get("Attributes") or {}).get("SentTimestamp", 0))
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _why(attributes: Mapping[str, str], kind: Kind) -> str:
    parts = [attributes.get(name, "") for name in ("ERROR_CODE", "ERROR_MESSAGE", "ErrorMessage")]
    told = ": ".join(part for part in parts if part)
    if not told and kind == "notification":
        return "SNS could not invoke the function (it was not there, or SNS may not)"
    # It goes to a terminal, and nothing holds an error's text to one line.
    return re.sub(r"[^\x20-\x7e]+", " ", told)[:_LONGEST_WHY] or "nothing is said"


def _object(text: Any) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
