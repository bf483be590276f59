"""A campaign's endpoint, as SageMaker describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.exceptions


def find_endpoint(campaign: str, sagemaker: Any) -> Mapping[str, Any] | None:
    """What DescribeEndpoint says; None where there is none, as before a campaign's first build.

    Raises:
        botocore's errors: SageMaker did not say.
    """
    try:
        found: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=campaign)
    except botocore.exceptions.ClientError as error:
        # The code is ValidationException, as of every other mistake.
        if "Could not find" in error.response["Error"]["Message"]:
            return None
        raise
    return found
