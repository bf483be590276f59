"""The front door of AWS's API: a request signed by a role is held to that role's policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from darkroom.sandbox import aws_errors
from darkroom.sandbox.iam import presigned
from darkroom.sandbox.iam.enforcement import AccessDeniedError, Enforcement
from darkroom.sandbox.iam.needs import needs
from darkroom.sandbox.iam.principals import Session, UnknownCredentialsError
from darkroom.sandbox.iam.requests import Signature, call_of, signature_of
from darkroom.sandbox.iam.vpc_endpoints import context_of

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def held_to_policies(app: WsgiApp, enforcement: Enforcement) -> WsgiApp:
    """``app`` for who may call it; raises NotImplementedError at what it can't weigh."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        signature = signature_of(environ)
        if signature is None:
            return app(environ, start_response)
        try:
            session = enforcement.sessions.find(signature.access_key, signature.token)
            if session is not None:
                _check(enforcement, environ, signature, session)
        except UnknownCredentialsError as error:
            return _refused(environ, start_response, signature, "UnrecognizedClient", str(error))
        except presigned.BadLinkError as error:
            return _refused(environ, start_response, signature, error.code, str(error))
        except AccessDeniedError as error:
            return _refused(environ, start_response, signature, "AccessDenied", str(error))
        return app(environ, start_response)

    return guarded


def _check(enforcement: Enforcement, environ: dict[str, Any], signature: Signature, session: Session) -> None:
    if signature.presigned:
        presigned.check(environ, enforcement.sessions.assumed(signature.access_key))
    call = call_of(environ, signature, session.role.split(":")[4])
    through = context_of(environ)
    for need in needs(call):
        enforcement.require(session, replace(need, context={**through, **need.context}))


def _refused(
    environ: dict[str, Any], start_response: Any, signature: Signature, code: str, message: str
) -> Iterable[bytes]:
    if aws_errors.speaks_json(environ, signature.service):
        code += "Exception"
    return aws_errors.answer(environ, start_response, ("403 Forbidden", code), message)
