"""Lambda proxy integration: the event of a request, and the response in a function's answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from darkroom.sandbox.api_gateway.caller import Caller
from darkroom.sandbox.api_gateway.openapi import Operation
from darkroom.sandbox.api_gateway.request import Request
from darkroom.sandbox.api_gateway.response import MALFORMED_ANSWER, RefusedError, Response


@dataclass(frozen=True)
class Deployed:
    """Where a request arrived: the stage and what API Gateway knows of it."""

    account_id: str
    region: str
    api_name: str
    deployment_id: str
    stage_variables: Mapping[str, str]


def event(
    request: Request,
    operation: Operation,
    deployed: Deployed,
    caller: Caller | None,
    path_parameters: Mapping[str, str],
    body: bytes,
    binary: bool,
) -> dict[str, Any]:
    """The event of payload format 1.0. Empty maps and an empty body are null."""
    headers = _with_forwarding(request)
    text = base64.b64encode(body).decode() if binary else body.decode("utf-8", "replace")
    return {
        "resource": operation.resource_path,
        "path": unquote(request.path),
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in request.query.items()} or None,
        "multiValueQueryStringParameters": dict(request.query) or None,
        "pathParameters": dict(path_parameters) or None,
        "stageVariables": dict(deployed.stage_variables) or None,
        "requestContext": _request_context(request, operation, deployed, caller),
        "body": text or None,
        "isBase64Encoded": binary,
    }


def _with_forwarding(request: Request) -> dict[str, list[str]]:
    """The headers with what API Gateway adds."""
    host = request.header("host")
    return {
        **request.headers,
        "X-Amzn-Trace-Id": [request.trace],
        "X-Forwarded-For": [request.source_ip],
        "X-Forwarded-Port": [host.rpartition(":")[2] if ":" in host else "80"],
        "X-Forwarded-Proto": ["http"],
    }


def _request_context(
    request: Request, operation: Operation, deployed: Deployed, caller: Caller | None
) -> dict[str, Any]:
    # The name that the API was called by, as with a domain name of one's own.
    host = request.header("host")
    return {
        "accountId": deployed.account_id,
        "apiId": request.api_id,
        "deploymentId": deployed.deployment_id,
        "domainName": host,
        "domainPrefix": host.split(".")[0],
        "extendedRequestId": request.extended_id,
        "httpMethod": request.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "apiKey": None,
            "apiKeyId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.header("user-agent") or None,
            "userArn": None,
            **(caller.identity if caller else {}),
        },
        **({"authorizer": {"claims": dict(caller.claims)}} if caller and caller.claims else {}),
        "path": f"/{request.stage}{unquote(request.path)}",
        "protocol": request.protocol,
        "requestId": request.request_id,
        "requestTime": request.request_time,
        "requestTimeEpoch": request.request_time_epoch,
        "resourceId": operation.resource_path,
        "resourcePath": operation.resource_path,
        "stage": request.stage,
    }


def is_binary(media_type: str, binary_media_types: tuple[str, ...]) -> bool:
    """Whether a body of ``media_type`` is one of the API's binary ones."""
    media_type = media_type.split(";")[0].split(",")[0].strip().lower()
    return any(
        binary in ("*/*", media_type) or (binary.endswith("/*") and media_type.startswith(binary[:-1]))
        for binary in binary_media_types
    )


def response(payload: bytes, request: Request, binary_media_types: tuple[str, ...]) -> Response:
    """The response in a function's answer.

    Raises:
        RefusedError: the answer has not the shape of a proxy response.
    """
    try:
        answer = json.loads(payload)
        status = int(answer["statusCode"])
        headers = _answer_headers(answer)
        body = _answer_body(answer, request, binary_media_types)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise RefusedError(MALFORMED_ANSWER) from error
    if not 100 <= status <= 599:
        raise RefusedError(MALFORMED_ANSWER)
    headers.setdefault("Content-Type", ["application/json"])
    own = {
        "x-amzn-RequestId": [request.request_id],
        "x-amz-apigw-id": [request.extended_id],
        "X-Amzn-Trace-Id": [request.trace.split(";")[0]],
    }
    pairs = [(name, value) for name, values in {**headers, **own}.items() for value in values]
    return Response(status, pairs, body)


def _answer_headers(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    single = {name: [_header_value(value)] for name, value in (answer.get("headers") or {}).items()}
    multiple = {
        name: [_header_value(value) for value in values]
        for name, values in (answer.get("multiValueHeaders") or {}).items()
    }
    merged = {**single, **multiple}
    # Lengths and connections are the server's to say.
    return {
        "Content-Type" if name.lower() == "content-type" else name: values
        for name, values in merged.items()
        if name.lower() not in ("content-length", "connection", "transfer-encoding")
    }


def _header_value(value: Any) -> str:
    if isinstance(value, dict | list) or "\n" in str(value) or "\r" in str(value):
        raise TypeError("a header's value is a string, a number or a boolean")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answer_body(answer: Mapping[str, Any], request: Request, binary_media_types: tuple[str, ...]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("body is a string")
    # Decoded only for a client that accepts a binary type of the API.
    if answer.get("isBase64Encoded") and is_binary(request.header("accept") or "*/*", binary_media_types):
        return base64.b64decode(body, validate=True)
    return body.encode()
