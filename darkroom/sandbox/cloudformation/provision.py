"""One resource made, changed or deleted: the right handler found, and what went wrong put in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from darkroom.sandbox.cloudformation.custom_resource import (
    CustomResourceError,
    CustomResourceHandler,
    is_custom,
)
from darkroom.sandbox.cloudformation.handler import (
    HANDLERS,
    HandlerRequest,
    ReplacementNeededError,
    Resource,
    ResourceHandler,
)
from darkroom.sandbox.cloudformation.schema import schema_of
from darkroom.sandbox.cloudformation.stack import Stack, StackResource
from darkroom.sandbox.cloudformation.template import ResourceTemplate

_GONE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
    }
)
"""Error codes by which services say that what was to be deleted is not there."""


class ResourceError(Exception):
    """A resource could not be made, changed or deleted; the text is the reason to show."""


def unsupported(type_name: str) -> str | None:
    """Why the sandbox can't make a resource of this type; None when it can."""
    if is_custom(type_name) or type_name in HANDLERS:
        return None
    return f"The local AWS does not play the resource type {type_name}"


class Provisioner:
    """Calls the handlers for the resources of one stack."""

    def __init__(self, stack: Stack, endpoint_url: str | None) -> None:
        self._stack = stack
        self._endpoint_url = endpoint_url

    def create(self, template: ResourceTemplate, properties: Mapping[str, Any]) -> Resource:
        """Make a resource.

        Raises:
            ResourceError: with the reason.
        """
        request = self._request(template, properties)
        handler = _checked_handler(template.type_name, properties)
        return _explained(lambda: handler.create(request))

    def update(
        self, current: StackResource, template: ResourceTemplate, properties: Mapping[str, Any]
    ) -> Resource:
        """Change a resource in place.

        Raises:
            ResourceError: with the reason.
            ReplacementNeededError: it can't be changed in place.
        """
        request = self._request(template, properties, current)
        handler = _checked_handler(template.type_name, properties)
        return _explained(lambda: handler.update(request))

    def find(self, template: ResourceTemplate, properties: Mapping[str, Any], physical_id: str) -> Resource:
        """A resource that exists already.

        Raises:
            ResourceError: it does not, or its type can't be imported.
        """
        request = replace(self._request(template, properties), previous=Resource(physical_id))
        handler = _checked_handler(template.type_name, properties)
        return _explained(lambda: handler.find(request))

    def delete(self, current: StackResource) -> None:
        """Delete a resource; one that is gone already is a success.

        Raises:
            ResourceError: with the reason.
        """
        request = self._request(current.template, current.properties, current)
        handler = _handler(current.template.type_name)
        try:
            handler.delete(request)
        except Exception as error:
            if _code(error) not in _GONE:
                raise ResourceError(_reason(error)) from error

    def _request(
        self,
        template: ResourceTemplate,
        properties: Mapping[str, Any],
        current: StackResource | None = None,
    ) -> HandlerRequest:
        return HandlerRequest(
            type_name=template.type_name,
            logical_id=template.logical_id,
            properties=properties,
            account_id=self._stack.account_id,
            region=self._stack.region,
            stack_id=self._stack.stack_id,
            stack_name=self._stack.name,
            previous=current.resource if current else None,
            previous_properties=current.properties if current else {},
            endpoint_url=self._endpoint_url,
        )


def _handler(type_name: str) -> ResourceHandler:
    if is_custom(type_name):
        return CustomResourceHandler()
    if type_name not in HANDLERS:
        raise ResourceError(unsupported(type_name))
    return HANDLERS[type_name]


def _checked_handler(type_name: str, properties: Mapping[str, Any]) -> ResourceHandler:
    """The type's handler, once it is known that it plays all the properties given."""
    handler = _handler(type_name)
    schema = schema_of(type_name)
    if schema is not None:
        unknown = sorted(properties.keys() - schema.properties)
        if unknown:
            raise ResourceError(f"Encountered unsupported property {', '.join(unknown)}")
        absent = sorted(schema.required - properties.keys())
        if absent:
            raise ResourceError(f"Properties validation failed: required {', '.join(absent)} not given")
    if type_name in HANDLERS:
        ignored = sorted(properties.keys() - handler.properties)
        if ignored:
            raise ResourceError(
                f"The local AWS does not play the property {', '.join(ignored)} of {type_name}"
            )
    return handler


def _explained(call: Callable[[], Resource]) -> Resource:
    try:
        return call()
    except (ReplacementNeededError, ResourceError):
        raise
    except Exception as error:
        raise ResourceError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """``error`` in words. One that no service raised is a fault of the sandbox: its trace is logged."""
    if isinstance(error, (ClientError, BotoCoreError, ServiceException)):
        return str(error)
    if isinstance(error, HTTPException):
        # Most of moto's errors; their message is an attribute.
        return f"{_code(error)}: {getattr(error, 'message', error.description)}"
    if isinstance(error, (CustomResourceError, NotImplementedError, ValueError)):
        return str(error)
    traceback.print_exception(error)
    return f"The local AWS failed: {type(error).__name__}: {error}"


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    if isinstance(error, ServiceException):
        return error.code
    return str(getattr(error, "error_type", ""))
