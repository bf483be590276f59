"""API Gateway: REST APIs made from OpenAPI documents, served as their stages are on AWS."""

from __future__ import annotations

from darkroom.sandbox.api_gateway import rest_api_resources, usage_plan_resources
from darkroom.sandbox.api_gateway.gateway import Gateway
from darkroom.sandbox.api_gateway.registry import REGISTRY
from darkroom.sandbox.api_gateway.request import MOUNT
from darkroom.sandbox.context import Context

__all__ = ["install", "rest_api_resources", "usage_plan_resources"]


def install(context: Context) -> None:
    """Serve the stages under ``/execute-api/``; needs the Lambda room."""
    REGISTRY.clear()
    context.mount(MOUNT, Gateway(context, REGISTRY))
