"""CloudFormation: an engine with AWS's order, replacement and roll-back, behind moto's API.

How to add a resource type: :mod:`darkroom.sandbox.cloudformation.handler`.
"""

from __future__ import annotations

from moto.cloudformation import urls
from moto.cloudformation.models import cloudformation_backends

from darkroom.sandbox.cloudformation import types
from darkroom.sandbox.cloudformation.backend import SandboxCloudFormationBackend
from darkroom.sandbox.cloudformation.custom_resource import RESPONSES, receive
from darkroom.sandbox.cloudformation.responses import SandboxCloudFormationResponse
from darkroom.sandbox.context import Context

__all__ = ["install", "types"]


def install(context: Context) -> None:
    """Put the engine in the place of moto's and take the answers of custom resources.

    Call it after the rooms that define resource types.
    """
    SandboxCloudFormationBackend.endpoint_url = context.settings.url
    cloudformation_backends.clear()
    cloudformation_backends.backend = SandboxCloudFormationBackend
    urls.url_paths["{0}/$"] = SandboxCloudFormationResponse.dispatch
    context.mount(RESPONSES, receive)
