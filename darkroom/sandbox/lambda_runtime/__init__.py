"""Lambda: the real handlers, under AWS's runtime client, in processes of this machine."""

from __future__ import annotations

from typing import Any, cast

from moto.awslambda import models
from moto.sqs.models import sqs_backends

from darkroom.sandbox.context import Context
from darkroom.sandbox.lambda_runtime import event_source_type, invocations, network_interfaces, resources
from darkroom.sandbox.lambda_runtime.event_sources import source_queue
from darkroom.sandbox.lambda_runtime.function import Function

__all__ = ["event_source_type", "install", "resources"]

_create_in_moto = models.LambdaBackend.create_function
_delete_in_moto = models.LambdaBackend.delete_function
_create_mapping_in_moto = models.LambdaBackend.create_event_source_mapping
_delete_mapping_in_moto = models.LambdaBackend.delete_event_source_mapping


def install(context: Context) -> None:
    """Run the functions of moto's Lambda in ``context``; call it before the first one is made."""
    invocations.start(context)
    models.LambdaFunction = Function  # type: ignore[misc]
    for name, method in (
        ("create_function", _create_function),
        ("delete_function", _delete_function),
        ("create_event_source_mapping", _create_mapping),
        ("delete_event_source_mapping", _delete_mapping),
    ):
        setattr(models.LambdaBackend, name, method)


def _create_function(backend: Any, spec: dict[str, Any]) -> models.LambdaFunction:
    function = _create_in_moto(backend, spec)
    try:
        network_interfaces.attach(cast(Function, function))
    except Exception:
        _delete_in_moto(backend, function.function_name)
        raise
    return function


def _delete_function(backend: Any, function_name: str, qualifier: str | None = None) -> None:
    function = backend.get_function(function_name, qualifier)
    _delete_in_moto(backend, function_name, qualifier)
    invocations.service().forget(function.function_arn)
    network_interfaces.detach(function, function.network)


def _create_mapping(backend: Any, spec: dict[str, Any]) -> models.EventSourceMapping:
    mapping = _create_mapping_in_moto(backend, spec)
    try:
        queue = source_queue(mapping)
    except Exception:
        _delete_mapping_in_moto(backend, mapping.uuid)
        raise
    finally:
        # moto's own queues invoke functions while a message is being sent.
        for one in sqs_backends[backend.account_id][backend.region_name].queues.values():
            one.lambda_event_source_mappings.clear()
    invocations.service().poll(mapping, queue)
    return mapping


def _delete_mapping(backend: Any, uuid: str) -> models.EventSourceMapping | None:
    invocations.service().stop_polling(uuid)
    return _delete_mapping_in_moto(backend, uuid)
