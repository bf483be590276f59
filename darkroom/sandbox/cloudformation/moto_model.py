"""Resource types that are moto's: subclasses of its ``CloudFormationModel``.

moto registers every direct subclass under its ``cloudformation_type()``; of two with one type the
one defined last wins. Beyond moto's own contract the engine polls ``is_created()`` after a create
or an update until it is true, and what it raises fails the resource.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    ReplacementNeededError,
    Resource,
    ResourceHandler,
    generated_name,
    undone_on_failure,
)

_POLL_SECONDS = 0.05
# S3 and SQS have the shortest names of those that moto models: 63 and 80 characters.
_NAME_LENGTH = 63


def forget_models() -> None:
    """Make moto list its models anew; it caches the list on first use."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def model_of(type_name: str) -> Any | None:
    """moto's model class of a type, or None."""
    return parsing.get_model_map().get(type_name)


class _ModelAttributes(Mapping[str, Any]):
    """``Fn::GetAtt`` on a moto model, asked of it each time."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getitem__(self, name: str) -> Any:
        try:
            value = self._model.get_cfn_attribute(name)
        except (UnformattedGetAttTemplateException, NotImplementedError, AttributeError):
            raise KeyError(name) from None
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class MotoModelHandler(ResourceHandler):
    """Hands the engine's requests to a ``CloudFormationModel`` class."""

    properties = frozenset()

    def __init__(self, model: Any) -> None:
        self._model = model

    def create(self, request: HandlerRequest) -> Resource:
        model = self._model.create_from_cloudformation_json(
            self._name(request),
            self._json(request),
            request.account_id,
            request.region,
            LogicalId=request.logical_id,
            StackId=request.stack_id,
            ResourceType=request.type_name,
        )
        made = _resource(model, request)
        with undone_on_failure(lambda: self.delete(replace(request, previous=made))):
            return _ready(made)

    def update(self, request: HandlerRequest) -> Resource:
        if request.previous is None or _is_abstract(self._model.update_from_cloudformation_json):
            raise ReplacementNeededError(f"{request.type_name} can't be changed in place")
        model = self._model.update_from_cloudformation_json(
            original_resource=request.previous.model,
            new_resource_name=self._name(request),
            cloudformation_json=self._json(request),
            account_id=request.account_id,
            region_name=request.region,
        )
        return _ready(_resource(model, request))

    def delete(self, request: HandlerRequest) -> None:
        if not _is_abstract(self._model.delete_from_cloudformation_json):
            self._model.delete_from_cloudformation_json(
                request.physical_id, self._json(request), request.account_id, request.region
            )
        elif request.previous is not None and hasattr(request.previous.model, "delete"):
            request.previous.model.delete(request.account_id, request.region)
        else:
            raise NotImplementedError(f"the sandbox can't delete a {request.type_name}")

    def _name(self, request: HandlerRequest) -> str:
        name_property = self._model.cloudformation_name_type()
        if name_property and name_property in request.properties:
            return str(request.properties[name_property])
        if request.previous is not None:
            return request.physical_id
        lower = request.type_name == "AWS::S3::Bucket"
        return generated_name(request.stack_name, request.logical_id, _NAME_LENGTH, lower=lower)

    @staticmethod
    def _json(request: HandlerRequest) -> dict[str, Any]:
        return {"Type": request.type_name, "Properties": dict(request.properties)}


def _is_abstract(method: Any) -> bool:
    return bool(getattr(method, "__isabstractmethod__", False))


def _resource(model: Any, request: HandlerRequest) -> Resource:
    # moto's own code finds a stack's resources by these two names.
    model.cf_resource_type = request.type_name
    model.logical_resource_id = request.logical_id
    return Resource(model.physical_resource_id, _ModelAttributes(model), model)


def _ready(resource: Resource) -> Resource:
    while not resource.model.is_created():
        time.sleep(_POLL_SECONDS)
    return resource
