"""A production variant's capacity, read and set through SageMaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.sagemaker.models import sagemaker_backends
from werkzeug.exceptions import HTTPException


class VariantError(Exception):
    """SageMaker has no such variant, or refused the capacity; the text is SageMaker's."""


@dataclass(frozen=True)
class Variant:
    """Where a variant is: ``endpoint/NAME/variant/NAME`` of an account and region."""

    account_id: str
    region: str
    resource_id: str

    @property
    def endpoint_name(self) -> str:
        """The endpoint's name."""
        return self.resource_id.split("/")[1]

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.resource_id.split("/")[3]


@dataclass(frozen=True)
class VariantCapacity:
    """How many instances are asked for and run; ``settled`` once the endpoint is in service with them."""

    desired: int
    current: int
    settled: bool


def is_variant(resource_id: str) -> bool:
    """Whether a resource id names a production variant."""
    parts = resource_id.split("/")
    return len(parts) == 4 and parts[0] == "endpoint" and parts[2] == "variant"


def capacity_of(variant: Variant) -> VariantCapacity:
    """What SageMaker says of ``variant``.

    Raises:
        VariantError: there is no such endpoint or variant.
    """
    try:
        endpoint = _sagemaker(variant).describe_endpoint(variant.endpoint_name)
    except (ServiceException, HTTPException) as error:
        raise VariantError(_text(error)) from error
    for entry in endpoint["ProductionVariants"]:
        if entry["VariantName"] == variant.name:
            desired = int(entry.get("DesiredInstanceCount") or 0)
            current = int(entry.get("CurrentInstanceCount") or 0)
            in_service = endpoint["EndpointStatus"] == "InService"
            return VariantCapacity(desired, current, settled=in_service and desired == current)
    raise VariantError(f"The endpoint {variant.endpoint_name} has no variant {variant.name}")


def set_capacity(variant: Variant, instances: int) -> None:
    """Ask SageMaker for ``instances``.

    Raises:
        VariantError: SageMaker refused, as it does while the endpoint is being updated.
    """
    wanted = [{"VariantName": variant.name, "DesiredInstanceCount": instances}]
    try:
        _sagemaker(variant).update_endpoint_weights_and_capacities(variant.endpoint_name, wanted)
    except (ServiceException, HTTPException) as error:
        raise VariantError(_text(error)) from error


def _sagemaker(variant: Variant) -> Any:
    return sagemaker_backends[variant.account_id][variant.region]


def _text(error: ServiceException | HTTPException) -> str:
    return str(getattr(error, "message", None) or error)
