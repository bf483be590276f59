"""What API Gateway answers itself, when a request goes no further.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.sandbox.api_gateway.openapi import CustomResponse
from darkroom.sandbox.api_gateway.request import Request

_DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_VARIABLE = re.compile(r"\$(context(?:\.\w+)+|method\.request\.(?:header|querystring)\.[\w-]+)")


@dataclass(frozen=True)
class Refusal:
    """Why a request goes no further.

    Attributes:
        kind: the gateway response type.
        error_type: the header x-amzn-ErrorType.
        validation: ``$context.error.validationErrorString``.
    """

    kind: str
    status: int
    message: str
    error_type: str
    validation: str = ""


class RefusedError(Exception):
    """Raised where a request goes no further."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True)
class Response:
    """An answer to the client."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


MISSING_AUTHENTICATION_TOKEN = Refusal(
    "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token", "MissingAuthenticationTokenException"
)
UNKNOWN_STAGE = Refusal("ACCESS_DENIED", 403, "Forbidden", "ForbiddenException")
INVALID_API_KEY = Refusal("INVALID_API_KEY", 403, "Forbidden", "ForbiddenException")
THROTTLED = Refusal("THROTTLED", 429, "Too Many Requests", "TooManyRequestsException")
WAF_FILTERED = Refusal("WAF_FILTERED", 403, "Forbidden", "ForbiddenException")
UNAUTHORIZED = Refusal("UNAUTHORIZED", 401, "Unauthorized", "UnauthorizedException")
EXPIRED_JWT = Refusal("EXPIRED_TOKEN", 401, "The incoming token has expired", "UnauthorizedException")
EXPIRED_CREDENTIALS = Refusal(
    "EXPIRED_TOKEN", 403, "The security token included in the request is expired", "ExpiredTokenException"
)
# Which gateway response these two take, AWS does not say; both are a caller who can't be known.
UNKNOWN_CREDENTIALS = Refusal(
    "INVALID_SIGNATURE",
    403,
    "The security token included in the request is invalid.",
    "UnrecognizedClientException",
)
INCOMPLETE_SIGNATURE = Refusal(
    "INVALID_SIGNATURE",
    403,
    "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature', the request 'X-Amz-Date'.",
    "IncompleteSignatureException",
)
QUOTA_EXCEEDED = Refusal("QUOTA_EXCEEDED", 429, "Limit Exceeded", "LimitExceededException")
REQUEST_TOO_LARGE = Refusal(
    "REQUEST_TOO_LARGE", 413, "HTTP content length exceeded 10485760 bytes.", "RequestEntityTooLargeException"
)
MALFORMED_ANSWER = Refusal("DEFAULT_5XX", 502, "Internal server error", "InternalServerErrorException")
CONFIGURATION_ERROR = Refusal(
    "API_CONFIGURATION_ERROR", 500, "Internal server error", "InternalServerErrorException"
)
INTEGRATION_TIMEOUT = Refusal(
    "INTEGRATION_TIMEOUT", 504, "Endpoint request timed out", "InternalServerErrorException"
)


def invalid_signature(message: str) -> Refusal:
    """A signature that is not this request's, or not of now."""
    return Refusal("INVALID_SIGNATURE", 403, message, "InvalidSignatureException")


def access_denied(caller: str, method_arn: str) -> Refusal:
    """A caller whose policies do not allow the call."""
    message = f"User: {caller} is not authorized to perform: execute-api:Invoke on resource: {method_arn}"
    return Refusal("ACCESS_DENIED", 403, message, "AccessDeniedException")


def invalid_body(errors: list[str]) -> Refusal:
    """A body that its model refuses."""
    return Refusal(
        "BAD_REQUEST_BODY", 400, "Invalid request body", "BadRequestException", f"[{', '.join(errors)}]"
    )


def invalid_parameters(missing: list[str]) -> Refusal:
    """Required parameters that were not sent."""
    text = f"Missing required request parameters: [{', '.join(missing)}]"
    return Refusal("BAD_REQUEST_PARAMETERS", 400, text, "BadRequestException", text)


def gateway_response(
    refusal: Refusal, custom: Mapping[str, CustomResponse], request: Request, variables: Mapping[str, str]
) -> Response:
    """The answer for ``refusal``, as the API's own responses shape it.

    Args:
        variables: ``$context`` variables by name, without the ``$``.
    """
    chosen = _chosen(refusal, custom)
    status = chosen.status or refusal.status
    known = {
        **variables,
        "context.status": str(status),
        "context.error.message": refusal.message,
        "context.error.messageString": json.dumps(refusal.message),
        "context.error.responseType": refusal.kind,
        # Without quotes of its own, but fit to stand between quotes.
        "context.error.validationErrorString": json.dumps(refusal.validation, ensure_ascii=False)[1:-1],
    }
    media_type, template = _template(chosen.templates, request.header("accept"))
    headers = {
        "Content-Type": media_type,
        "x-amzn-RequestId": request.request_id,
        "x-amz-apigw-id": request.extended_id,
        "x-amzn-ErrorType": refusal.error_type,
    }
    for name, value in chosen.parameters.items():
        if name.startswith("gatewayresponse.header."):
            headers[name.removeprefix("gatewayresponse.header.")] = _parameter(value, known, request)
    body = substitute(template, known, request).encode()
    return Response(status, list(headers.items()), body)


def substitute(template: str, variables: Mapping[str, str], request: Request, absent: str = "") -> str:
    """Fill in a template's variables; there is no other syntax in gateway responses and access logs."""
    return _VARIABLE.sub(lambda match: _value(match[1], variables, request, absent), template)


def _value(name: str, variables: Mapping[str, str], request: Request, absent: str) -> str:
    if name.startswith("method.request.header."):
        return request.header(name.removeprefix("method.request.header.").lower())
    if name.startswith("method.request.querystring."):
        return (request.query.get(name.removeprefix("method.request.querystring.")) or [""])[-1]
    return variables.get(name, absent)


def _chosen(refusal: Refusal, custom: Mapping[str, CustomResponse]) -> CustomResponse:
    """The response of the refusal's own type, or else the default of its class."""
    default = "DEFAULT_4XX" if refusal.status < 500 else "DEFAULT_5XX"
    return custom.get(refusal.kind) or custom.get(default) or CustomResponse(None, {}, {})


def _template(templates: Mapping[str, str], accept: str) -> tuple[str, str]:
    if not templates:
        return "application/json", _DEFAULT_TEMPLATE
    wanted = [part.split(";")[0].strip() for part in accept.split(",")]
    for media_type in [*wanted, "application/json", *templates]:
        if media_type in templates:
            return media_type, templates[media_type]
    raise AssertionError("one of the templates is always chosen")


def _parameter(value: str, variables: Mapping[str, str], request: Request) -> str:
    """A response parameter: a literal between single quotes, or the name of a variable."""
    if value.startswith("'"):
        return value.strip("'")
    return _value(value, variables, request, "")
