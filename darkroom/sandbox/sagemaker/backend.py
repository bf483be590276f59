"""moto's SageMaker with endpoints that run.

moto keeps the records (models, endpoint configurations, endpoints), so that its describe and list
calls work; this subclass adds what happens behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.sagemaker import urls
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, SageMakerModelBackend
from moto.sagemaker.models import Model as ModelRecord

from darkroom.sandbox import context as sandbox
from darkroom.sandbox.moments import moto_datetime_of
from darkroom.sandbox.sagemaker.configuration import (
    EndpointConfig,
    Model,
    UnplayedError,
    endpoint_config_from,
    model_from,
)
from darkroom.sandbox.sagemaker.deployment import Deployment, deployment_from
from darkroom.sandbox.sagemaker.endpoint import BusyError, Endpoint
from darkroom.sandbox.sagemaker.records import EndpointConfigRecord, EndpointRecord, variant_summary
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects
from darkroom.sandbox.sagemaker.training import TrainingJobs
from darkroom.sandbox.sagemaker.validation import violations


class SageMakerBackend(SageMakerModelBackend):
    """SageMaker in one account and region; made by moto when it is first asked for."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._requested_models: dict[str, Mapping[str, Any]] = {}
        self._running: dict[str, Endpoint] = {}
        self.training = TrainingJobs(account_id, region_name)

    @property
    def _url_module(self) -> Any:
        # moto looks for it beside the class's own module.
        return urls

    def reset(self) -> None:
        """Forget everything and end what runs."""
        for endpoint in self._running.values():
            endpoint.delete()
        self.training.stop_all()
        super().reset()

    @property
    def running(self) -> list[Endpoint]:
        """The endpoints there are, oldest first."""
        return list(self._running.values())

    def create_model_from(self, request: Mapping[str, Any]) -> ModelRecord:
        """CreateModel; the model's data must be there.

        Raises:
            AWSValidationException: the request is wrong, or there is no model data.
        """
        self._check("CreateModel", request)
        name = request["ModelName"]
        if name in self._models:
            raise AWSValidationException(f"Cannot create already existing model {self._models[name].arn!r}.")
        try:
            model = model_from(request)
            Objects(self.account_id, self.region_name, model.role).below(model.source)
        except (ObjectError, UnplayedError) as error:
            raise _refusal(error) from error
        record = self.create_model(
            model_name=name,
            execution_role_arn=request.get("ExecutionRoleArn", ""),
            primary_container=request["PrimaryContainer"],
            vpc_config=request.get("VpcConfig"),
            containers=None,
            tags=request.get("Tags"),
        )
        record.creation_time = self._now()
        record.enable_network_isolation = request.get("EnableNetworkIsolation", False)
        self._requested_models[name] = request
        return record

    def create_endpoint_config_from(self, request: Mapping[str, Any]) -> FakeEndpointConfig:
        """CreateEndpointConfig.

        Raises:
            AWSValidationException: the request is wrong, or names a model that is not there.
        """
        self._check("CreateEndpointConfig", request)
        name = request["EndpointConfigName"]
        if name in self.endpoint_configs:
            arn = self.endpoint_configs[name].endpoint_config_arn
            raise AWSValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
        try:
            config = endpoint_config_from(request)
        except UnplayedError as error:
            raise _refusal(error) from error
        self._model_of(config)
        record = EndpointConfigRecord(self, request, self._now())
        self.endpoint_configs[name] = record
        return record

    def create_endpoint(
        self, endpoint_name: str, endpoint_config_name: str, tags: list[dict[str, str]]
    ) -> FakeEndpoint:
        """CreateEndpoint: the endpoint is Creating until its instances are in service."""
        if endpoint_name in self.endpoints:
            arn = self.endpoints[endpoint_name].arn
            raise AWSValidationException(f'Cannot create already existing endpoint "{arn}".')
        config = self._config(endpoint_config_name)
        record = EndpointRecord(self, endpoint_name, endpoint_config_name, tags, self._now())
        endpoint = Endpoint(
            sandbox.current(),
            self.account_id,
            self.region_name,
            endpoint_name,
            config,
            self._model_of(config),
            self._record,
        )
        self.endpoints[endpoint_name] = record
        self._running[endpoint_name] = endpoint
        self._record(endpoint)
        endpoint.create()
        return record

    def update_endpoint_from(self, request: Mapping[str, Any]) -> str:
        """UpdateEndpoint; returns the endpoint's ARN.

        Raises:
            AWSValidationException: the request is wrong, or the endpoint is not in service.
        """
        self._check("UpdateEndpoint", request)
        endpoint = self.endpoint(request["EndpointName"])
        deployment = deployment_of(request)
        absent = deployment.guardrails.missing(self.account_id, self.region_name)
        if absent:
            raise AWSValidationException(f"Could not find CloudWatch alarms: {', '.join(absent)}.")
        config = self._config(request["EndpointConfigName"])
        excluded = request.get("ExcludeRetainedVariantProperties") or []
        retained = request.get("RetainAllVariantProperties", False) and not any(
            one["VariantPropertyType"] == "DesiredInstanceCount" for one in excluded
        )
        same_variant = config.variant.name == endpoint.config.variant.name
        count = endpoint.desired if retained and same_variant else config.variant.initial_count
        arn = self.endpoints[endpoint.name].arn
        try:
            endpoint.update(config, self._model_of(config), count, deployment)
        except BusyError as error:
            raise _busy(arn) from error
        return arn

    def update_endpoint_weights_and_capacities(
        self, endpoint_name: str, desired_weights_and_capacities: list[dict[str, Any]]
    ) -> str:
        """UpdateEndpointWeightsAndCapacities: what the autoscaler calls; returns the ARN."""
        endpoint = self.endpoint(endpoint_name)
        arn = self.endpoints[endpoint_name].arn
        variant = endpoint.config.variant.name
        for wanted in desired_weights_and_capacities:
            if wanted["VariantName"] != variant:
                raise AWSValidationException(
                    f'The variant name(s) "{wanted["VariantName"]}" is/are not present within endpoint '
                    f'configuration "{endpoint.config.name}".'
                )
            count = wanted.get("DesiredInstanceCount")
            if count is None or count == endpoint.desired:
                continue
            if count == 0 and endpoint.config.output is None:
                raise AWSValidationException(
                    f'The desired instance count of "{variant}" must be at least 1: only asynchronous '
                    "endpoints and inference components scale to zero."
                )
            try:
                endpoint.set_capacity(count)
            except BusyError as error:
                raise _busy(arn) from error
        return arn

    def describe_endpoint(self, endpoint_name: str) -> dict[str, Any]:
        """DescribeEndpoint."""
        described = super().describe_endpoint(endpoint_name)
        described.pop("Tags", None)
        described.pop("DataCaptureConfig", None)
        record = self.endpoint_configs.get(described["EndpointConfigName"])
        if record is not None:
            described.pop("AsyncInferenceConfig", None)
            if record.async_inference_config:
                described["AsyncInferenceConfig"] = record.async_inference_config
        pending = self._running[endpoint_name].pending
        if pending is not None:
            described["PendingDeploymentSummary"] = {
                "EndpointConfigName": pending.launch.config.name,
                "ProductionVariants": [
                    variant_summary(pending.launch.config, len(pending.in_service), pending.desired)
                ],
            }
        return described

    def delete_endpoint(self, endpoint_name: str) -> None:
        """DeleteEndpoint: kills its workers before it returns."""
        super().delete_endpoint(endpoint_name)
        self._running.pop(endpoint_name).delete()

    def find(self, name: str) -> Endpoint | None:
        """The endpoint of that name, if there is one."""
        return self._running.get(name)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of that name.

        Raises:
            AWSValidationException: there is none.
        """
        if name not in self._running:
            arn = FakeEndpoint.arn_formatter(name, self.account_id, self.region_name)
            raise AWSValidationException(f'Could not find endpoint "{arn}".')
        return self._running[name]

    def _config(self, name: str) -> EndpointConfig:
        record = self.endpoint_configs.get(name)
        if not isinstance(record, EndpointConfigRecord):
            arn = FakeEndpointConfig.arn_formatter(name, self.account_id, self.region_name)
            raise AWSValidationException(f'Could not find endpoint configuration "{arn}".')
        return endpoint_config_from(record.response_object)

    def _model_of(self, config: EndpointConfig) -> Model:
        name = config.variant.model_name
        if name not in self._models:
            raise AWSValidationException(
                f'Could not find model "arn:aws:sagemaker:{self.region_name}:{self.account_id}:model/{name}".'
            )
        return model_from(self._requested_models[name])

    def _record(self, endpoint: Endpoint) -> None:
        """Write an endpoint's state to moto's record of it."""
        record = self.endpoints.get(endpoint.name)
        if isinstance(record, EndpointRecord):
            record.follow(endpoint, self._now())

    def _now(self) -> datetime:
        return moto_datetime_of(sandbox.current().clock.now())

    @staticmethod
    def _check(operation: str, request: Mapping[str, Any]) -> None:
        if wrong := violations("sagemaker", operation, request):
            raise AWSValidationException(wrong)


def deployment_of(request: Mapping[str, Any]) -> Deployment:
    """The way of updating that CreateEndpoint's or UpdateEndpoint's DeploymentConfig asks for.

    Raises:
        AWSValidationException: it is one that the sandbox does not play.
    """
    try:
        return deployment_from(request.get("DeploymentConfig") or {})
    except UnplayedError as error:
        raise _refusal(error) from error


def _busy(arn: str) -> AWSValidationException:
    return AWSValidationException(f'Cannot update in-progress endpoint "{arn}".')


def _refusal(error: Exception) -> AWSValidationException:
    if isinstance(error, UnplayedError):
        return AWSValidationException(f"The Darkroom sandbox does not play {error}.")
    return AWSValidationException(str(error))
