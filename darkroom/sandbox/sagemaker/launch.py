"""What an instance is launched with, and what its launching needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import Need
from darkroom.sandbox.network import Attachment, refusal
from darkroom.sandbox.sagemaker import execution_role
from darkroom.sandbox.sagemaker.backlog import Backlog
from darkroom.sandbox.sagemaker.configuration import EndpointConfig, Model
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects


@dataclass(frozen=True)
class Launch:
    """What an instance is launched with."""

    context: Context
    endpoint_name: str
    region: str
    config: EndpointConfig
    model: Model
    objects: Objects
    backlog: Backlog

    @property
    def network(self) -> Attachment | None:
        """Where the model is attached to a VPC, if it is."""
        return self.objects.network

    def require_s3(self) -> None:
        """Check that SageMaker reaches S3 from where the model is attached: it moves all data that way.

        Raises:
            ObjectError: it does not.
        """
        reason = refusal(self.network, "s3") if self.network else None
        if reason:
            raise ObjectError(f"Connect timeout on endpoint URL of S3: {reason}")

    @property
    def folder(self) -> Path:
        """Where models and logs of all endpoints lie."""
        return self.context.settings.state / "sagemaker"

    def needs(self, instance: str) -> list[Need]:
        """What launching an instance and its container needs of the model's role."""
        group = f"/aws/sagemaker/Endpoints/{self.endpoint_name}"
        account = self.model.role.split(":")[4] if self.model.role else ""
        return [
            *execution_role.to_encrypt_volumes(self.config.kms_key_id),
            *execution_role.to_pull(self.model.image),
            *execution_role.to_attach(self.network),
            *execution_role.to_log(group, f"{self.config.variant.name}/{instance}", self.region, account),
        ]
