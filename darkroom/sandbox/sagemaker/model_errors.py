"""InvokeEndpoint's errors, in the shapes of botocore's model of the SageMaker runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from darkroom.sandbox.sagemaker.worker import Answer

if TYPE_CHECKING:
    from darkroom.sandbox.sagemaker.endpoint import Endpoint

ErrorResponse = tuple[int, dict[str, str], str | bytes]


def error_response(status: int, code: str, members: Mapping[str, Any]) -> ErrorResponse:
    """An error of the REST-JSON protocol: its code is in a header."""
    # moto answers with the status that it finds among the headers.
    headers = {"status": str(status), "Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps(members)


def model_error(endpoint: Endpoint, answer: Answer) -> ErrorResponse:
    """ModelError, 424: what the container answered; status 0 for no answer at all."""
    told = answer.body.decode("utf-8", "replace")
    side = "client" if 400 <= answer.status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    console = f"https://{endpoint.region}.console.aws.amazon.com/cloudwatch/home?region={endpoint.region}"
    message = (
        f'Received {side} error ({answer.status}) from primary with message "{told}". See '
        f"{console}#logEventViewer:group={group} in account {endpoint.account_id} for more information."
    )
    log = f"arn:aws:logs:{endpoint.region}:{endpoint.account_id}:log-group:{group}"
    return error_response(
        424,
        "ModelError",
        {
            "Message": message,
            "OriginalStatusCode": answer.status,
            "OriginalMessage": told,
            "LogStreamArn": log,
        },
    )
