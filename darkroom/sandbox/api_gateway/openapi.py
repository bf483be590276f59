"""An API as it is deployed: an OpenAPI 3.0 document with API Gateway's extensions, read once.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft4Validator

from darkroom.sandbox.api_gateway.routing import Routes
from darkroom.sandbox.api_gateway.security import Security, SecurityError, read_security

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")
# The longest an integration may take, and what it may take unless the document says less.
_INTEGRATION_MILLISECONDS = 29_000
_LAMBDA_URI = re.compile(
    r"arn:[\w-]+:apigateway:[\w-]+:lambda:path/2015-03-31/functions/(?P<function>[^/]+)/invocations"
)


class DocumentError(ValueError):
    """A document that API Gateway would refuse, or that the sandbox can't serve; says where."""


@dataclass(frozen=True)
class Integration:
    """The function that answers, and the seconds it has."""

    function_arn: str
    timeout: float


@dataclass(frozen=True)
class Operation:
    """One method of one resource.

    Attributes:
        required_parameters: location (``path``, ``querystring`` or ``header``) and name.
        body_required: whether an empty body is refused.
        models: the validator of the body, by media type.
    """

    method: str
    resource_path: str
    integration: Integration
    security: Security
    required_parameters: tuple[tuple[str, str], ...]
    validates_parameters: bool
    validates_body: bool
    body_required: bool
    models: Mapping[str, Draft4Validator]


@dataclass(frozen=True)
class CustomResponse:
    """What the document says about a kind of gateway response; ``status`` None keeps the default."""

    status: int | None
    parameters: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True)
class Api:
    """A deployed API."""

    routes: Routes[Operation]
    responses: Mapping[str, CustomResponse]
    binary_media_types: tuple[str, ...]


def read_document(document: Mapping[str, Any], binary_media_types: tuple[str, ...] = ()) -> Api:
    """Read a document.

    Raises:
        DocumentError: it is no OpenAPI 3.0 document, or asks for what the sandbox doesn't serve.
    """
    version = str(document.get("openapi", document.get("swagger", "")))
    if not version.startswith("3.0"):
        raise DocumentError(f"openapi is {version!r}: the local AWS reads OpenAPI 3.0 documents")
    source = document.get("x-amazon-apigateway-api-key-source", "HEADER")
    if source != "HEADER":
        raise DocumentError(
            f"x-amazon-apigateway-api-key-source is {source}: the local AWS knows HEADER only"
        )
    operations = list(_operations(document))
    if not operations:
        raise DocumentError("paths holds no method: The REST API doesn't contain any methods")
    media_types = document.get("x-amazon-apigateway-binary-media-types", [])
    return Api(
        Routes((operation.resource_path, operation.method, operation) for operation in operations),
        {kind: _response(entry) for kind, entry in _extension(document, "gateway-responses").items()},
        (*binary_media_types, *media_types),
    )


def _extension(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get(f"x-amazon-apigateway-{name}", {})
    return found


def _response(entry: Mapping[str, Any]) -> CustomResponse:
    status = entry.get("statusCode")
    return CustomResponse(
        None if status is None else int(status),
        dict(entry.get("responseParameters", {})),
        dict(entry.get("responseTemplates", {})),
    )


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                yield _operation(document, path, method, item[method], shared)


def _operation(
    document: Mapping[str, Any], path: str, method: str, entry: Mapping[str, Any], shared: list[Any]
) -> Operation:
    validator = _validator(document, entry, f"{method} {path}")
    body = entry.get("requestBody", {})
    parameters = [_resolved(document, parameter) for parameter in [*shared, *entry.get("parameters", [])]]
    locations = {"path": "path", "query": "querystring", "header": "header"}
    return Operation(
        method="ANY" if method.startswith("x-") else method.upper(),
        resource_path=path,
        integration=_integration(entry, f"{method} {path}"),
        security=_security(document, entry, f"{method} {path}"),
        required_parameters=tuple(
            (locations[parameter["in"]], parameter["name"])
            for parameter in parameters
            if parameter.get("required") and parameter["in"] in locations
        ),
        validates_parameters=bool(validator.get("validateRequestParameters")),
        validates_body=bool(validator.get("validateRequestBody")),
        body_required=bool(body.get("required")),
        models={
            media_type.lower(): _model(document, content["schema"])
            for media_type, content in body.get("content", {}).items()
            if "schema" in content
        },
    )


def _validator(document: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    key = "x-amazon-apigateway-request-validator"
    name = entry.get(key, document.get(key))
    if name is None:
        return {}
    validators = _extension(document, "request-validators")
    if name not in validators:
        raise DocumentError(f"{where}: request validator {name!r} is not among {sorted(validators)}")
    found: Mapping[str, Any] = validators[name]
    return found


def _integration(entry: Mapping[str, Any], where: str) -> Integration:
    integration = _extension(entry, "integration")
    kind = str(integration.get("type", "none")).lower()
    if kind != "aws_proxy":
        raise DocumentError(f"{where}: integration type {kind}: the local AWS serves aws_proxy only")
    # passthroughBehavior is not looked at: a proxy integration passes every request through.
    match = _LAMBDA_URI.fullmatch(str(integration.get("uri")))
    if match is None:
        raise DocumentError(f"{where}: {integration.get('uri')!r} is not the URI of a Lambda function")
    milliseconds = float(integration.get("timeoutInMillis", _INTEGRATION_MILLISECONDS))
    return Integration(match["function"], milliseconds / 1000)


def _security(document: Mapping[str, Any], entry: Mapping[str, Any], where: str) -> Security:
    try:
        return read_security(document, entry)
    except SecurityError as error:
        raise DocumentError(f"{where}: {error}") from error


def _resolved(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in entry:
        return entry
    found: Any = document
    for part in entry["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _model(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Draft4Validator:
    """A body's model. API Gateway's models are JSON schema draft 4, and so is OpenAPI 3.0's dialect."""
    Draft4Validator.check_schema(schema)
    return Draft4Validator({"allOf": [schema], "components": document.get("components", {})})
