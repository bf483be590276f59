"""moto's records of endpoint configurations and endpoints, as its describe and list calls show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.sagemaker.models import FakeEndpoint, FakeEndpointConfig, SageMakerModelBackend

from darkroom.sandbox.sagemaker.configuration import EndpointConfig
from darkroom.sandbox.sagemaker.endpoint import Endpoint


class EndpointConfigRecord(FakeEndpointConfig):
    """moto's record without its list of instance types, which knows no inf2.

    What CreateEndpointConfig asked for was checked against botocore's list before.
    """

    def __init__(self, backend: SageMakerModelBackend, request: Mapping[str, Any], created: datetime) -> None:
        super().__init__(
            account_id=backend.account_id,
            region_name=backend.region_name,
            endpoint_config_name=request["EndpointConfigName"],
            production_variants=request["ProductionVariants"],
            async_inference_config=request.get("AsyncInferenceConfig") or {},
            data_capture_config={},
            tags=request.get("Tags") or [],
            kms_key_id=request.get("KmsKeyId") or "",
        )
        self.creation_time = created
        self._request = dict(request)

    def validate_production_variants(self, production_variants: list[dict[str, Any]]) -> None:
        """Nothing left to check."""

    def is_created(self) -> bool:
        """A record is complete from the start."""
        return True

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeEndpointConfig's answer: what was asked for."""
        asked = {name: value for name, value in self._request.items() if name != "Tags"}
        return {**asked, "EndpointConfigArn": self.endpoint_config_arn, "CreationTime": self.creation_time}


class EndpointRecord(FakeEndpoint):
    """moto's record of an endpoint, which follows the endpoint that runs."""

    def __init__(
        self,
        backend: SageMakerModelBackend,
        name: str,
        config_name: str,
        tags: list[dict[str, str]],
        created: datetime,
    ) -> None:
        super().__init__(
            backend.account_id,
            backend.region_name,
            name,
            config_name,
            production_variants=[],
            data_capture_config={},
            tags=tags,
        )
        self.creation_time = created

    def is_created(self) -> bool:
        """A record is complete from the start."""
        return True

    def follow(self, endpoint: Endpoint, now: datetime) -> None:
        """Take over the state of ``endpoint``."""
        self.endpoint_status = endpoint.status.value
        self.failure_reason = endpoint.failure  # type: ignore[assignment]  # moto's endpoints never fail
        self.endpoint_config_name = endpoint.config.name
        self.production_variants = [variant_summary(endpoint.config, endpoint.in_service, endpoint.desired)]
        self.last_modified_time = now


def variant_summary(config: EndpointConfig, current: int, desired: int) -> dict[str, Any]:
    """A variant as DescribeEndpoint shows it."""
    return {
        "VariantName": config.variant.name,
        "CurrentWeight": config.variant.weight,
        "DesiredWeight": config.variant.weight,
        "CurrentInstanceCount": current,
        "DesiredInstanceCount": desired,
    }
