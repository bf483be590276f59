"""AWS::ECR::Repository: the CDK's bootstrap makes one, for images that a campaign has none of."""

from __future__ import annotations

import json
from typing import Any

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)


class Repository(ResourceHandler):
    """A repository for container images."""

    type_name = "AWS::ECR::Repository"
    properties = frozenset(
        {
            "EmptyOnDelete",
            "ImageScanningConfiguration",
            "ImageTagMutability",
            "LifecyclePolicy",
            "RepositoryName",
            "RepositoryPolicyText",
        }
    )

    def create(self, request: HandlerRequest) -> Resource:
        ecr = request.client("ecr")
        name = request.properties.get("RepositoryName") or request.default_name(256, lower=True)
        ecr.create_repository(repositoryName=name)
        with undone_on_failure(lambda: ecr.delete_repository(repositoryName=name, force=True)):
            return self._put(request, name)

    def update(self, request: HandlerRequest) -> Resource:
        return self._put(request, request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("ecr").delete_repository(
            repositoryName=request.physical_id, force=request.properties.get("EmptyOnDelete", False)
        )

    @staticmethod
    def _put(request: HandlerRequest, name: str) -> Resource:
        given, ecr = request.properties, request.client("ecr")
        if request.changed("ImageTagMutability"):
            ecr.put_image_tag_mutability(
                repositoryName=name, imageTagMutability=given.get("ImageTagMutability", "MUTABLE")
            )
        if request.changed("ImageScanningConfiguration"):
            scan = given.get("ImageScanningConfiguration", {}).get("ScanOnPush", False)
            ecr.put_image_scanning_configuration(
                repositoryName=name, imageScanningConfiguration={"scanOnPush": scan}
            )
        if request.changed("LifecyclePolicy"):
            _put_lifecycle_policy(ecr, name, given.get("LifecyclePolicy", {}).get("LifecyclePolicyText"))
        if request.changed("RepositoryPolicyText"):
            _put_policy(ecr, name, given.get("RepositoryPolicyText"))
        [found] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        return Resource(name, {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]})


def _put_lifecycle_policy(ecr: Any, name: str, text: str | None) -> None:
    if text is None:
        ecr.delete_lifecycle_policy(repositoryName=name)
    else:
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


def _put_policy(ecr: Any, name: str, policy: Any) -> None:
    if policy is None:
        ecr.delete_repository_policy(repositoryName=name)
    else:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        ecr.set_repository_policy(repositoryName=name, policyText=text)
