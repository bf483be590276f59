"""What moto can't do, answered as AWS answers errors.

moto says it in several ways: an exception that would become an HTML page with status 500, a 404
page of its router, a 404 with no body. A client needs one clear error that names the call.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.exceptions
import botocore.session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.test import run_wsgi_app

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# 501 is no status that SDKs retry, so the error shows at once.
_NOT_IMPLEMENTED = ("501 Not Implemented", "NotImplemented")
_FAILED = ("500 Internal Server Error", "InternalFailure")


# The services that docs/sandbox.md names, and what SDKs and the CDK CLI need around them. moto keeps
# records for a hundred more (instances, clusters, databases), and nothing would run behind them.
_PLAYED = frozenset(
    {
        "apigateway",
        "applicationautoscaling",
        "awslambda",
        "bedrock",
        "bedrockruntime",
        "budgets",
        "ce",
        "cloudformation",
        "cloudwatch",
        "cognitoidp",
        "dynamodb",
        "dynamodbstreams",
        "ec2",
        "ecr",
        "events",
        "iam",
        "kms",
        "logs",
        "rekognition",
        "resourcegroupstaggingapi",
        "s3",
        "sagemaker",
        "sagemakerruntime",
        "servicequotas",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
        "wafv2",
        "xray",
    }
)


class Aws(DomainDispatcherApplication):
    """moto's server, of the services that the sandbox plays."""

    def get_backend_for_host(self, host: str | None) -> Any:
        """moto's name of the service at ``host``.

        Raises:
            NotImplementedError: it has none.
        """
        backend = super().get_backend_for_host(host)
        if host is not None and backend not in _PLAYED:
            raise NotImplementedError("the sandbox has no such service")
        return backend


def with_clear_errors(app: WsgiApp) -> WsgiApp:
    """``app`` with what it can't do told in the protocol of the service that was called."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            parts, status, headers = run_wsgi_app(app, environ, buffered=True)
        except NotImplementedError as error:
            detail = str(error) or "not implemented"
            return answer(environ, start_response, _NOT_IMPLEMENTED, _unsupported(environ, detail))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return answer(
                environ, start_response, _FAILED, f"{_call(environ)}: {type(error).__name__}: {error}"
            )
        body = b"".join(parts)
        if _is_routing_failure(environ, status, headers.get("Content-Type", ""), body):
            detail = "the sandbox has no such operation"
            return answer(environ, start_response, _NOT_IMPLEMENTED, _unsupported(environ, detail))
        start_response(status, list(headers))
        return [body]

    return wrapped


def service_of(environ: dict[str, Any]) -> str:
    """The service that a signed request names; empty when it is not signed."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[3] if len(scope) > 4 else ""


def _is_routing_failure(environ: dict[str, Any], status: str, content_type: str, body: bytes) -> bool:
    """Whether an answer is moto's router's and no service's. S3 answers 404 without a body itself."""
    if not status.startswith(("404", "405")) or service_of(environ) in ("", "s3"):
        return False
    return not body or (content_type.startswith("text/html") and body.lstrip().startswith(b"<!doctype html>"))


def _call(environ: dict[str, Any]) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    return f"{service_of(environ)} {target or environ['REQUEST_METHOD'] + ' ' + environ['PATH_INFO']}".strip()


def _unsupported(environ: dict[str, Any], detail: str) -> str:
    return f"the local AWS does not support this call ({_call(environ)}): {detail}"


def answer(
    environ: dict[str, Any], start_response: Any, kind: tuple[str, str], message: str
) -> Iterable[bytes]:
    """An error in the protocol of the service that was called; ``kind`` is its status and its code."""
    status, code = kind
    if speaks_json(environ, service_of(environ)):
        body = json.dumps({"__type": code, "message": message}).encode()
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    elif service_of(environ) in ("", "s3"):
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
        headers = [("Content-Type", "application/xml")]
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        ).encode()
        headers = [("Content-Type", "text/xml")]
    start_response(status, headers)
    return [body]


def speaks_json(environ: dict[str, Any], service: str) -> bool:
    """Whether a request of ``service`` is answered in JSON."""
    sent = environ.get("CONTENT_TYPE", "")
    return "HTTP_X_AMZ_TARGET" in environ or (service != "s3" and ("json" in sent or _is_json(service)))


@lru_cache
def _is_json(service: str) -> bool:
    """Whether a service's protocol is JSON: a REST call without a body does not say so itself."""
    try:
        model = botocore.session.get_session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return False
    return "json" in str(model.metadata["protocol"])
