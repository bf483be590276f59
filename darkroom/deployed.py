"""What a deployed campaign's stacks say of themselves, read through AWS's API (or the sandbox's)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import botocore.exceptions


class NotDeployedError(LookupError):
    """There is no deployed campaign of that name in the account and region of the credentials."""


@dataclass(frozen=True)
class ApiAccess:
    """What a client needs: the API's base URL and the value of a key."""

    url: str
    key: str


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
    key = session.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    return ApiAccess(url=outputs["ApiUrl"], key=key["value"])


def stack_outputs(stack: str, session: Any) -> dict[str, str]:
    """The outputs of a stack, by key.

    Raises:
        NotDeployedError: there is no such stack, or nothing answers where the session looks.
    """
    try:
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except botocore.exceptions.ClientError as error:
        raise NotDeployedError(
            f"no stack {stack} in {session.region_name}: {error.response['Error']['Message']}. "
            "Is the campaign deployed, and do credentials, region and AWS_ENDPOINT_URL point there?"
        ) from error
    except botocore.exceptions.BotoCoreError as error:
        raise NotDeployedError(
            f"stack {stack} can't be looked up: {str(error).rstrip('.')}. Set AWS credentials and a region, "
            "or the exports that `darkroom sandbox up` prints."
        ) from error
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
