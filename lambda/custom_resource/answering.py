"""CloudFormation's protocol for custom resources.

Source: CloudFormation's guide, "Custom resource request objects" and "response objects".
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

logger = logging.getLogger(__name__)

_TRIES = 3
_REASON_MAXIMUM = 1000  # the whole answer may have 4096 bytes


def answer(event: dict[str, Any], physical_id: str, reason: str | None = None) -> None:
    """Answer a request of CloudFormation's: a success, or with a ``reason`` a failure.

    Raises:
        OSError: CloudFormation's URL took the answer in none of three tries.
    """
    body = json.dumps(
        {
            "Status": "SUCCESS" if reason is None else "FAILED",
            "Reason": (reason or "")[:_REASON_MAXIMUM],
            "PhysicalResourceId": physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    for left in reversed(range(_TRIES)):
        # The presigned URL is signed for no content type; urllib would add one of its own.
        request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's
            event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
        )
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310
                return
        except OSError as error:
            # Its text is not logged: the URL is a credential.
            logger.warning("CloudFormation did not take the answer (%s)", type(error).__name__)
            if not left:
                raise
