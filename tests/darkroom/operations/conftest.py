"""A REST API in a local AWS, with its key and its usage plan."""

from __future__ import annotations

from tests.darkroom.sandbox.request_path.api_gateway.conftest import campaign
from tests.darkroom.sandbox.request_path.conftest import aws

__all__ = ["aws", "campaign"]
