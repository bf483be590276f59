"""The custom resource Custom::ApiKeys, and the schedule that revokes what was rotated.

`darkroom keys` makes keys that no stack knows. This function ends them: those whose time is over every
quarter of an hour, and all of them when the stack goes, so that none is left behind.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from custom_resource.answering import answer

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

CAMPAIGN_TAG = "darkroom:campaign"
REVOKE_AFTER = re.compile(r"revoke after (\S+)$")
"""The end of a key's description: when it stops to be valid, RFC 3339; written by `darkroom keys rotate`."""


def handler(event: dict[str, Any], context: Any) -> dict[str, int] | None:  # noqa: ARG001 - Lambda's signature
    """Do what CloudFormation asks and answer it, whatever happens; else revoke what is due."""
    if "RequestType" not in event:
        revoked = revoke_due(time.time())
        logger.info("revoked %d keys", revoked)
        return {"revoked": revoked}
    physical_id = f"api-keys-{os.environ['USAGE_PLAN']}"
    try:
        # The id of another plan is deleted after a replacement: the keys of this one go on.
        if event["RequestType"] == "Delete" and event["PhysicalResourceId"] == physical_id:
            logger.info("deleted %d keys", delete_made_keys())
    except Exception as error:
        # Anything: an exception that gets away leaves the stack waiting for an hour.
        logger.exception("%s failed", event["RequestType"])
        known = isinstance(error, ClientError | BotoCoreError)
        answer(event, physical_id, str(error) if known else f"{type(error).__name__}: {error}")
        return None
    answer(event, physical_id)
    return None


def revoke_due(now: float) -> int:
    """Revoke the keys of the plan whose description says that their time is over; returns how many.

    The stack's own key is disabled and not deleted: CloudFormation would miss it.
    """
    due = [key for key in _keys() if key["enabled"] and _is_due(key, now)]
    for key in due:
        if key["id"] == os.environ["KEY_ID"]:
            disabled = [{"op": "replace", "path": "/enabled", "value": "false"}]
            _api_gateway().update_api_key(apiKey=key["id"], patchOperations=disabled)
        else:
            _api_gateway().delete_api_key(apiKey=key["id"])
        logger.info("revoked key %s", key["id"])
    return len(due)


def delete_made_keys() -> int:
    """Delete every key of the plan but the stack's own, which CloudFormation deletes; returns how many."""
    made = [key["id"] for key in _keys() if key["id"] != os.environ["KEY_ID"]]
    for key_id in made:
        _api_gateway().delete_api_key(apiKey=key_id)
    return len(made)


def _keys() -> Iterator[dict[str, Any]]:
    """The campaign's own keys in its plan, without their values: a key that others put there is theirs."""
    client = _api_gateway()
    pages = client.get_paginator("get_usage_plan_keys").paginate(usagePlanId=os.environ["USAGE_PLAN"])
    found = [entry["id"] for page in pages for entry in page["items"]]
    for key_id in found:
        try:
            key = client.get_api_key(apiKey=key_id, includeValue=False)
        except ClientError as error:
            # Deleted meanwhile, or not tagged as ours, which the role may not read.
            if error.response["Error"]["Code"] not in ("NotFoundException", "AccessDeniedException"):
                raise
            continue
        if key.get("tags", {}).get(CAMPAIGN_TAG) == os.environ["CAMPAIGN"]:
            yield key


def _is_due(key: dict[str, Any], now: float) -> bool:
    found = REVOKE_AFTER.search(key.get("description") or "")
    try:
        return found is not None and datetime.fromisoformat(found[1]).timestamp() <= now
    except ValueError:
        return False  # a person's own words


@cache
def _api_gateway() -> Any:
    return boto3.client(
        "apigateway", config=Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
    )
