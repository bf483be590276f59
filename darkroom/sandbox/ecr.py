"""ECR: AWS's own container images are there for everybody to pull, as on AWS."""

from __future__ import annotations

from typing import Any

from moto.ecr.models import ECRBackend, Image, ecr_backends

from darkroom.sandbox.context import Context

# Repositories of AWS's inference and training containers. Any tag of theirs is taken to be there: which ones
# are, only AWS knows.
_CONTAINERS = (
    "djl-inference",
    "huggingface-pytorch-inference-neuronx",
    "huggingface-pytorch-training",
    "pytorch-inference-neuronx",
)


def install(_context: Context) -> None:
    """Replace moto's ECR, which knows the account's own repositories alone."""
    ecr_backends.backend = SandboxEcrBackend
    ecr_backends.clear()


class SandboxEcrBackend(ECRBackend):
    """One account's ECR in one region."""

    @property
    def _url_module(self) -> Any:
        from moto.ecr import urls

        return urls

    def batch_get_image(
        self,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """BatchGetImage, also of AWS's containers in AWS's accounts."""
        if registry_id in (None, self.account_id) or repository_name not in _CONTAINERS:
            return super().batch_get_image(repository_name, registry_id, image_ids)
        images = [
            Image(str(registry_id), one["imageTag"], "{}", repository_name, registry_id=registry_id)
            for one in image_ids or []
        ]
        return {"images": images, "failures": []}
