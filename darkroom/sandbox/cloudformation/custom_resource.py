"""``Custom::*`` resources: their Lambda function is invoked and answers to a URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import uuid
from collections.abc import Iterable
from typing import Any

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

RESPONSES = "/_darkroom/cloudformation/"
"""Where the functions send their answers; on AWS a presigned S3 URL."""

_DEFAULT_TIMEOUT_SECONDS = 3600
# An answer is sent before the function returns; this is for one still on its way.
_GRACE_SECONDS = 2.0

_answers: dict[str, queue.Queue[dict[str, Any]]] = {}
_answers_lock = threading.Lock()


class CustomResourceError(Exception):
    """The function answered FAILED, failed itself, or did not answer in time."""


def is_custom(type_name: str) -> bool:
    """Whether a type is provided by a function of the template's author."""
    return type_name.startswith("Custom::") or type_name == "AWS::CloudFormation::CustomResource"


def receive(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The WSGI app under :data:`RESPONSES`: takes the answer to one request."""
    token = environ["PATH_INFO"].removeprefix(RESPONSES)
    with _answers_lock:
        waiting = _answers.get(token)
    if waiting is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no custom resource waits for this answer\n"]
    try:
        answer = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        if answer["Status"] not in ("SUCCESS", "FAILED"):
            raise ValueError(f"Status is {answer['Status']!r}: give SUCCESS or FAILED")
    except (ValueError, KeyError, TypeError) as error:
        start_response("400 Bad Request", [("Content-Type", "text/plain")])
        return [f"not a custom resource's response object: {error}\n".encode()]
    with contextlib.suppress(queue.Full):  # a function that is invoked twice answers twice
        waiting.put_nowait(answer)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]


class CustomResourceHandler(ResourceHandler):
    """Create, update and delete by asking the function named by ServiceToken."""

    properties = frozenset()

    def create(self, request: HandlerRequest) -> Resource:
        answer = _ask(request, "Create")
        return Resource(_physical_id(answer, request), answer.get("Data") or {})

    def update(self, request: HandlerRequest) -> Resource:
        old = {"OldResourceProperties": _as_strings(dict(request.previous_properties))}
        answer = _ask(request, "Update", PhysicalResourceId=request.physical_id, **old)
        return Resource(_physical_id(answer, request), answer.get("Data") or {})

    def delete(self, request: HandlerRequest) -> None:
        _ask(request, "Delete", PhysicalResourceId=request.physical_id)


def _ask(request: HandlerRequest, request_type: str, **more: Any) -> dict[str, Any]:
    token = str(uuid.uuid4())
    event = {
        "RequestType": request_type,
        "ServiceToken": request.properties["ServiceToken"],
        "ResponseURL": f"{request.endpoint_url}{RESPONSES}{token}",
        "StackId": request.stack_id,
        "RequestId": token,
        "LogicalResourceId": request.logical_id,
        "ResourceType": request.type_name,
        "ResourceProperties": _as_strings(dict(request.properties)),
        **more,
    }
    with _answers_lock:
        answers = _answers[token] = queue.Queue(1)
    try:
        answer = _invoke_and_wait(request, event, answers)
    finally:
        with _answers_lock:
            del _answers[token]
    if answer["Status"] == "FAILED":
        raise CustomResourceError(
            "Received response status [FAILED] from custom resource. "
            f"Message returned: {answer.get('Reason')}"
        )
    return answer


def _invoke_and_wait(
    request: HandlerRequest, event: dict[str, Any], answers: queue.Queue[dict[str, Any]]
) -> dict[str, Any]:
    """Invoke the function and wait for its answer.

    AWS invokes it without waiting, and a function that crashes before it answers fails the
    resource only after the whole time-out. Here a crash fails it at once.
    """
    token = event["ServiceToken"]
    timeout = float(request.properties.get("ServiceTimeout", _DEFAULT_TIMEOUT_SECONDS))
    invoked = request.client("lambda").invoke(FunctionName=token, Payload=json.dumps(event))
    crashed = "FunctionError" in invoked
    try:
        return answers.get(timeout=_GRACE_SECONDS if crashed else timeout)
    except queue.Empty:
        why = f"failed: {invoked['Payload'].read().decode()}" if crashed else f"sent none in {timeout:.0f} s"
        raise CustomResourceError(
            f"no response from the custom resource's function {token}: it {why}"
        ) from None


def _physical_id(answer: dict[str, Any], request: HandlerRequest) -> str:
    given = answer.get("PhysicalResourceId")
    if given:
        return str(given)
    return request.physical_id if request.previous else request.default_name()


def _as_strings(value: Any) -> Any:
    """Numbers and booleans as strings: so they arrive from CloudFormation."""
    if isinstance(value, dict):
        return {key: _as_strings(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_strings(inner) for inner in value]
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)
