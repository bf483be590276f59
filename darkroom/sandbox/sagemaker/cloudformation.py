"""AWS::SageMaker::Model, EndpointConfig and Endpoint: they call SageMaker's API, as CloudFormation does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler

_POLL_SECONDS = 0.2
_MAXIMUM_NAME = 63
_UPDATE_ONLY = frozenset({"ExcludeRetainedVariantProperties", "RetainAllVariantProperties"})


class NotStabilizedError(ServiceException):
    """The endpoint did not come into service as asked.

    CloudFormation's own name for it:
    https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
    """

    code = "NotStabilized"


class Model(ResourceHandler):
    """A model; every change of its content makes a new one."""

    type_name = "AWS::SageMaker::Model"
    properties = frozenset(
        {"EnableNetworkIsolation", "ExecutionRoleArn", "ModelName", "PrimaryContainer", "Tags", "VpcConfig"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        """CreateModel."""
        asked = _named(request, "ModelName")
        arn = request.client("sagemaker").create_model(**asked)["ModelArn"]
        return Resource(arn, {"ModelName": asked["ModelName"]})

    def delete(self, request: HandlerRequest) -> None:
        """DeleteModel."""
        _delete(request, "delete_model", "ModelName")


class EndpointConfig(ResourceHandler):
    """An endpoint configuration; it can't be changed, only replaced."""

    type_name = "AWS::SageMaker::EndpointConfig"
    properties = frozenset(
        {
            "AsyncInferenceConfig",
            "EndpointConfigName",
            "ExecutionRoleArn",
            "KmsKeyId",
            "MetricsConfig",
            "ProductionVariants",
            "Tags",
            "VpcConfig",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        """CreateEndpointConfig."""
        asked = _named(request, "EndpointConfigName")
        arn = request.client("sagemaker").create_endpoint_config(**asked)["EndpointConfigArn"]
        return Resource(arn, {"EndpointConfigName": asked["EndpointConfigName"]})

    def delete(self, request: HandlerRequest) -> None:
        """DeleteEndpointConfig."""
        _delete(request, "delete_endpoint_config", "EndpointConfigName")


class Endpoint(ResourceHandler):
    """An endpoint; ready when it is in service."""

    type_name = "AWS::SageMaker::Endpoint"
    properties = frozenset(
        {
            "DeploymentConfig",
            "EndpointConfigName",
            "EndpointName",
            "ExcludeRetainedVariantProperties",
            "RetainAllVariantProperties",
            "Tags",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        """CreateEndpoint, and wait until it is in service."""
        asked = _named(request, "EndpointName")
        name, sagemaker = asked["EndpointName"], request.client("sagemaker")
        creation = {key: value for key, value in asked.items() if key not in _UPDATE_ONLY}
        arn = sagemaker.create_endpoint(**creation)["EndpointArn"]
        try:
            _wait_in_service(sagemaker, name)
        except NotStabilizedError:
            # A resource that failed to create has no physical id to be deleted by: leave nothing.
            sagemaker.delete_endpoint(EndpointName=name)
            raise
        return Resource(arn, {"EndpointName": name})

    def update(self, request: HandlerRequest) -> Resource:
        """UpdateEndpoint, and wait until the new configuration is in service."""
        sagemaker, name = request.client("sagemaker"), _name_in(request.physical_id)
        change = {
            key: value for key, value in request.properties.items() if key not in ("EndpointName", "Tags")
        }
        _begin_update(sagemaker, name, change)
        described = _wait_in_service(sagemaker, name)
        if described["EndpointConfigName"] != change["EndpointConfigName"]:
            raise NotStabilizedError(f"the update was rolled back: {described.get('FailureReason')}")
        return Resource(request.physical_id, {"EndpointName": name})

    def delete(self, request: HandlerRequest) -> None:
        """DeleteEndpoint."""
        _delete(request, "delete_endpoint", "EndpointName")


def _named(request: HandlerRequest, key: str) -> dict[str, Any]:
    """The properties with a name, made as CloudFormation makes one where none is given."""
    return {key: request.default_name(_MAXIMUM_NAME), **request.properties}


def _name_in(physical_id: str) -> str:
    """Ref gives a SageMaker resource's ARN; its last part is the name."""
    return physical_id.rsplit("/", 1)[-1]


def _delete(request: HandlerRequest, operation: str, key: str) -> None:
    try:
        getattr(request.client("sagemaker"), operation)(**{key: _name_in(request.physical_id)})
    except ClientError as error:
        if not error.response["Error"]["Message"].startswith("Could not find"):
            raise


def _begin_update(sagemaker: Any, name: str, change: Mapping[str, Any]) -> None:
    """UpdateEndpoint once the endpoint takes it: it takes one change at a time.

    The autoscaler changes the capacity whenever it sees fit, also right after the endpoint was seen
    in service.
    """
    while True:
        _wait_in_service(sagemaker, name, also=("UpdateRollbackFailed",))
        try:
            sagemaker.update_endpoint(EndpointName=name, **change)
        except ClientError as error:
            if not error.response["Error"]["Message"].startswith("Cannot update in-progress"):
                raise
        else:
            return


def _wait_in_service(sagemaker: Any, name: str, also: Sequence[str] = ()) -> Mapping[str, Any]:
    """Wait while the endpoint changes, until it is in service or in one of ``also``.

    Raises:
        NotStabilizedError: it failed, with its reason.
    """
    while True:
        described: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        if described["EndpointStatus"] in ("InService", *also):
            return described
        if described["EndpointStatus"] in ("Failed", "UpdateRollbackFailed"):
            raise NotStabilizedError(f"endpoint {name} failed: {described.get('FailureReason')}")
        time.sleep(_POLL_SECONDS)
