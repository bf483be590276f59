"""The pattern for a resource type: a handler that creates, updates and deletes.

CloudFormation itself is built from resource handlers
(https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract.html);
the sandbox's have the same contract. A type is a class with a name, the properties that it plays,
and the handlers, which call the service's own API as CloudFormation does::

    class QueuePolicy(ResourceHandler):
        type_name = "AWS::SQS::QueuePolicy"
        properties = frozenset({"PolicyDocument", "Queues"})

        def create(self, request: HandlerRequest) -> Resource:
            sqs = request.client("sqs")
            ...
            return Resource(request.default_name())

Defining the class registers it. Importing its module before the first deployment is all that is
needed; :mod:`darkroom.sandbox.cloudformation.types` imports ours.

The engine promises: properties are resolved (no intrinsic functions left); ``update`` is called
only when a property changed and none of the changed ones needs a replacement (the create-only
properties of AWS's own resource schemas); whatever a handler raises fails the resource with that
message. A handler returns when the resource is ready: it runs on the stack's own thread and may
block. Deleting what is gone already is a success.

A property that is not in ``properties`` fails the resource by name, so that nothing vanishes
silently. For the same reason moto's own ``CloudFormationModel`` classes are not used: they pass
over the properties that they don't know.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import boto3
import botocore.config
from moto.moto_api._internal import mock_random


@dataclass(frozen=True)
class Resource:
    """What a handler made.

    Attributes:
        physical_id: what ``Ref`` gives.
        attributes: what ``Fn::GetAtt`` gives, by attribute name.
    """

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ReplacementNeededError(Exception):
    """Raised by ``update``: this change can't be made in place, make a new resource instead."""


@dataclass(frozen=True)
class HandlerRequest:
    """One call of a handler.

    Attributes:
        type_name: such as ``AWS::S3::Bucket``.
        logical_id: the resource's name in the template.
        properties: the desired properties, resolved; on delete the last applied.
        account_id, region, stack_id, stack_name: where.
        previous: the resource as it is, on update and delete.
        previous_properties: the properties it was made or last updated with, on update.
        endpoint_url: the AWS to call; None is botocore's default.
    """

    type_name: str
    logical_id: str
    properties: Mapping[str, Any]
    account_id: str
    region: str
    stack_id: str
    stack_name: str
    previous: Resource | None = None
    previous_properties: Mapping[str, Any] = field(default_factory=dict)
    endpoint_url: str | None = None

    @property
    def physical_id(self) -> str:
        """The physical id of the resource to update or delete."""
        if self.previous is None:
            raise RuntimeError(f"{self.logical_id} has no physical id before it is created")
        return self.previous.physical_id

    def changed(self, name: str) -> bool:
        """Whether property ``name`` differs from what was applied before (on create: is given)."""
        return self.properties.get(name) != self.previous_properties.get(name)

    def default_name(self, maximum: int = 64, *, lower: bool = False) -> str:
        """A name as CloudFormation makes it, ``stack-logical-random``, within ``maximum``."""
        return generated_name(self.stack_name, self.logical_id, maximum, lower=lower)

    def client(self, service: str) -> Any:
        """A boto3 client of ``service``, in the stack's region."""
        return _client(service, self.region, self.endpoint_url)


def generated_name(stack_name: str, logical_id: str, maximum: int, *, lower: bool = False) -> str:
    """``stack-logical-random``; when too long, stack and logical id are cut and the suffix kept."""
    suffix = "".join(mock_random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=12))
    room = maximum - len(suffix) - 2
    logical = logical_id[: max(room // 2, room - len(stack_name))]
    stack = stack_name[: room - len(logical)].strip("-")
    name = f"{stack}-{logical}-{suffix}"
    return name.lower() if lower else name


class ResourceHandler(ABC):
    """A resource type; see the module's docstring. A subclass with a ``type_name`` is registered."""

    type_name: ClassVar[str]
    properties: ClassVar[frozenset[str]]

    def __init_subclass__(cls) -> None:
        if "type_name" in cls.__dict__:
            HANDLERS[cls.type_name] = cls()

    @abstractmethod
    def create(self, request: HandlerRequest) -> Resource:
        """Make the resource and return it when it is ready."""

    def update(self, request: HandlerRequest) -> Resource:
        """Change the resource in place; without an override every change replaces it."""
        raise ReplacementNeededError(f"{request.type_name} can't be changed in place")

    def find(self, request: HandlerRequest) -> Resource:
        """The resource of ``request.physical_id``, which was made elsewhere: a stack imports it."""
        raise NotImplementedError(f"The local AWS does not import resources of type {request.type_name}")

    @abstractmethod
    def delete(self, request: HandlerRequest) -> None:
        """Delete the resource and return when it is gone."""


HANDLERS: dict[str, ResourceHandler] = {}


@contextmanager
def undone_on_failure(undo: Callable[[], Any]) -> Iterator[None]:
    """Call ``undo`` when the block fails: a create of several calls must leave nothing half made."""
    try:
        yield
    except BaseException:
        undo()
        raise


_client_lock = threading.Lock()


def _client(service: str, region: str, endpoint_url: str | None) -> Any:
    with _client_lock:  # boto3's default session is not safe to share while it makes clients
        return _new_client(service, region, endpoint_url)


@lru_cache(maxsize=256)
def _new_client(service: str, region: str, endpoint_url: str | None) -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        # AWS's own account acts here, not whoever started the process.
        aws_access_key_id="cloudformation",
        aws_secret_access_key="cloudformation",  # noqa: S106 - the sandbox checks no secret
        config=botocore.config.Config(
            retries={"total_max_attempts": 1}, read_timeout=910, s3={"addressing_style": "path"}
        ),
    )
