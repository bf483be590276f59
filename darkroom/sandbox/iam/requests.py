"""HTTP requests as calls of an API: moto's router and parsers over botocore's service models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from darkroom.sandbox.iam.call import Call, UnknownCallError

# Its objects' bodies are not looked at: what IAM weighs of S3 is in the path and the query.
_QUERY_OF_S3 = {"versionId": "VersionId", "prefix": "Prefix"}


@dataclass(frozen=True)
class Signature:
    """Who signed a request, for which region and service: the credential scope."""

    access_key: str
    region: str
    service: str
    token: str | None
    presigned: bool


def signature_of(environ: Mapping[str, Any]) -> Signature | None:
    """From the Authorization header or, of a presigned URL, from the query; None when it is not signed."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header.startswith("AWS4-"):
        scope = header.partition("Credential=")[2].split(",")[0].strip().split("/")
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        return Signature(scope[0], scope[2], scope[3], token, presigned=False) if len(scope) > 4 else None
    query = parse_qs(environ.get("QUERY_STRING", ""))
    scope = query.get("X-Amz-Credential", [""])[0].split("/")
    if len(scope) < 5:
        return None
    token = query.get("X-Amz-Security-Token", [None])[0]
    return Signature(scope[0], scope[2], scope[3], token, presigned=True)


def call_of(environ: dict[str, Any], signature: Signature, account: str) -> Call:
    """The call that a request is.

    Raises:
        UnknownCallError: it is of no operation that botocore's models know.
    """
    request = Request(environ)
    name = _model_name(signature.service, request)
    try:
        operation, in_path = get_service_router(name).match(request)
        parameters = _parameters(name, operation, request, in_path)
    except NotFound as error:
        where = f"{request.method} {request.path}"
        raise UnknownCallError(f"IAM is enforced, and {where} is no known call of {name}") from error
    finally:
        # moto reads the body again.
        environ["wsgi.input"].seek(0)
    return Call(signature.service, str(operation.name), parameters, account, signature.region)


def _model_name(service: str, request: Request) -> str:
    """botocore's name: SageMaker's two APIs are signed for one service, and so are Bedrock's."""
    if service == "sagemaker" and "X-Amz-Target" not in request.headers:
        return "sagemaker-runtime"
    if service == "bedrock" and request.path.endswith("/apply"):
        return "bedrock-runtime"
    return service


def _parameters(name: str, operation: Any, request: Request, in_path: dict[str, Any]) -> dict[str, Any]:
    if name == "sagemaker-runtime":
        return in_path
    if name == "s3" and operation.name != "DeleteObjects":
        asked = {ours: request.args[query] for query, ours in _QUERY_OF_S3.items() if query in request.args}
        return {**in_path, **asked}
    protocol = determine_request_protocol(get_service_model(name), request.content_type)
    parsed = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": in_path,
        }
    )
    return {**in_path, **parsed}
