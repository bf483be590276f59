"""Where a deployed campaign's API is, and how it knows its callers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from darkroom.deployed import stack_outputs

DEFAULT_KEY = "default"
"""The name of the key that came with the deployment, and of those made in its place."""

REVOKE_AFTER = re.compile(r"revoke after (\S+)$")
"""How the description of a key ends that was rotated (lambda/api_keys/handler.py ends the key then)."""


def key_name(campaign: str, name: str) -> str:
    """What API Gateway knows a key as that `darkroom keys` made."""
    return f"{campaign}.{name}"


@dataclass(frozen=True)
class ApiAccess:
    """What a client needs.

    Attributes:
        url: the API's base URL.
        key: the value of the campaign's API key; None where callers are known by other means.
        authorizer: ``api-key``, ``iam`` or ``jwt``.
    """

    url: str
    key: str | None = field(repr=False)
    authorizer: str = "api-key"


def api_access(campaign: str, session: Any = None) -> ApiAccess:
    """The API of a deployed campaign.

    Args:
        campaign: the campaign's name.
        session: a boto3 session; the environment's by default.

    Raises:
        NotDeployedError: there is no stack of it where the session looks.
    """
    session = session or boto3.Session()
    outputs = stack_outputs(f"{campaign}-api", session)
    key = _default_key(campaign, outputs, session) if "ApiKeyId" in outputs else None
    return ApiAccess(url=outputs["ApiUrl"], key=key, authorizer=outputs.get("ApiAuthorizer", "api-key"))


def _default_key(campaign: str, outputs: Mapping[str, str], session: Any) -> str:
    """The stack's own key, or the one that `darkroom keys rotate CAMPAIGN default` made in its place."""
    client = session.client("apigateway")
    own: dict[str, Any] = client.get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    if own["enabled"] and not REVOKE_AFTER.search(own.get("description") or ""):
        return str(own["value"])
    name = key_name(campaign, DEFAULT_KEY)
    pages = client.get_paginator("get_api_keys").paginate(nameQuery=name, includeValues=True)
    made = [key for page in pages for key in page["items"] if key["name"] == name and key["enabled"]]
    return str(max([*made, own], key=lambda key: (key["enabled"], key["createdDate"]))["value"])
