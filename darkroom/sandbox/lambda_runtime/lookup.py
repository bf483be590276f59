"""A function by its ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from moto.awslambda.models import lambda_backends
from moto.utilities.arns import parse_arn

if TYPE_CHECKING:
    from darkroom.sandbox.lambda_runtime.function import Function


def find(function_arn: str) -> Function:
    """The function of an ARN, with or without a qualifier.

    Raises:
        UnknownFunctionException: there is none.
    """
    arn = parse_arn(function_arn)
    # Every function of the sandbox is one of its own class: install sees to it.
    return cast("Function", lambda_backends[arn.account][arn.region].get_function(function_arn))


def exists(function: Function) -> bool:
    """Whether ``function`` has been neither deleted nor made anew under the same name."""
    backend = lambda_backends[function.account_id][function.region]
    return backend.get_function_by_arn(function.function_arn) is function
