"""Lambda: the real handlers, under AWS's runtime client, in processes of this machine."""

from __future__ import annotations

from typing import Any

from moto.awslambda import models

from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime import invocations, resources
from darkroom.sandbox.lambda_runtime.function import Function

__all__ = ["install", "resources"]

_delete_in_moto = models.LambdaBackend.delete_function


def install(context: Context) -> None:
    """Run the functions of moto's Lambda in ``context``; call it before the first one is made."""
    invocations.start(context)
    models.LambdaFunction = Function  # type: ignore[misc]
    setattr(models.LambdaBackend, "delete_function", _delete_function)  # noqa: B010 - mypy refuses the other form


def _delete_function(backend: Any, function_name: str, qualifier: str | None = None) -> None:
    function_arn = backend.get_function(function_name, qualifier).function_arn
    _delete_in_moto(backend, function_name, qualifier)
    invocations.service().forget(function_arn)
