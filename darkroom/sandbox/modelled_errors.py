"""Errors of services that answer JSON, with the status that AWS's model of the service gives them."""

from __future__ import annotations

from moto.core.exceptions import JsonRESTError

from darkroom.sandbox.sagemaker.validation import service_model


def modelled_error(service: str, code: str, message: str) -> JsonRESTError:
    """The error ``code`` of ``service`` (botocore's name of it), to be raised.

    Raises:
        ValueError: the service's model has no such error.
    """
    shapes = {shape.name: shape for shape in service_model(service).error_shapes}
    if code not in shapes:
        raise ValueError(f"{service} has no error {code}; it has {sorted(shapes)}")
    error = JsonRESTError(code, message)
    # Protocols that tell errors by the body alone answer 400 where the model says nothing.
    error.code = int(shapes[code].metadata.get("error", {}).get("httpStatusCode", 400))
    return error
