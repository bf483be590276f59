"""The one door by which functions' calls come to AWS: it knows who calls what, and can let it go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from darkroom.sandbox.callers import caller_of
from darkroom.sandbox.context import Context
from darkroom.sandbox.iam.requests import signature_of

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_S3_BUSY = ("503 Slow Down", "SlowDown", "Please reduce your request rate.")
_S3_FAILED = ("500 Internal Server Error", "InternalError", "We encountered an internal error. Try again.")
_JSON_FAILED = ("500 Internal Server Error", "InternalServerError", "Injected by the sandbox.")
# How each service says that it is asked too much; DynamoDB's table on demand answers the first of its two.
_JSON_BUSY = {
    "dynamodb": ("400 Bad Request", "ThrottlingException", "Throughput exceeds the current capacity."),
    "sqs": ("400 Bad Request", "RequestThrottled", "Rate exceeded"),
}
_BUSY = ("400 Bad Request", "ThrottlingException", "Rate exceeded")


def with_faults(context: Context, aws: WsgiApp) -> WsgiApp:
    """``aws`` with the faults that were ordered for functions' calls."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not context.faults.has_calls:
            return aws(environ, start_response)
        signature = signature_of(environ)
        # A link that a function signed is opened by somebody else.
        if signature is None or signature.presigned:
            return aws(environ, start_response)
        caller, service = caller_of(signature.access_key), signature.service
        if caller is None:
            return aws(environ, start_response)
        kind = context.faults.of_call(caller.function, service, operation(service, environ))
        if kind is None:
            return aws(environ, start_response)
        if kind in ("throttle", "fail"):
            return _refusal(service, start_response, throttled=kind == "throttle")
        if kind == "crash-before":
            caller.crash()
        else:
            b"".join(aws(environ, _ignored))
            if kind == "crash-after":
                caller.crash()
        return _refusal(service, start_response, throttled=False)

    return app


def operation(service: str, environ: dict[str, Any]) -> str:
    """The API operation of a request, as AWS names it; for those that functions call."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return str(target.rpartition(".")[2])
    method, path = str(environ["REQUEST_METHOD"]), str(environ["PATH_INFO"])
    if service == "sagemaker":
        return "InvokeEndpointAsync" if path.endswith("/async-invocations") else "InvokeEndpoint"
    if service == "s3" and path.strip("/").count("/"):
        return {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(
            method, method
        )
    return f"{method} {path}"


def _ignored(_status: str, _headers: Any, _exc_info: Any = None) -> Callable[[bytes], object]:
    return lambda _part: None


def _refusal(service: str, start_response: Any, *, throttled: bool) -> Iterable[bytes]:
    if service == "s3":
        status, code, message = _S3_BUSY if throttled else _S3_FAILED
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        start_response(status, [("Content-Type", "application/xml")])
        return [body]
    status, code, message = _JSON_BUSY.get(service, _BUSY) if throttled else _JSON_FAILED
    answer = {"__type": code, "message": message}
    start_response(status, [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)])
    return [json.dumps(answer).encode()]
