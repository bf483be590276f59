"""The AWS clients, made once an execution environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from image_api.tracing import trace_calls

# API Gateway hangs up after 29 seconds: better to give up a call and say so than to wait with it. DynamoDB
# and S3 answer in milliseconds. Standard retries include throttling and time-outs; every call here may
# safely run twice.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=6,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=20,
    tcp_keepalive=True,
)
# A retry after a read time-out can enqueue an inference twice (with one id: it costs money, not
# correctness), so the endpoint gets more time and fewer tries.
_SAGEMAKER_CONFIG = _CONFIG.merge(
    Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
)
# "If your model is going to take 50-60 seconds of processing time, the SDK socket timeout should be set to be
# 70 seconds" (SageMaker Runtime API reference, InvokeEndpoint). A second try would be a second inference:
# image_api.realtime_endpoint says when there is one.
_REALTIME_CONFIG = _CONFIG.merge(
    Config(read_timeout=70, retries={"mode": "standard", "total_max_attempts": 1})
)
# A client waits meanwhile, and what can't be looked at now is answered 503: two tries are enough.
_GUARDRAIL_CONFIG = _CONFIG.merge(
    Config(read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
)


@dataclass(frozen=True)
class Clients:
    """botocore's clients; thread-safe, as its documentation says."""

    dynamodb: Any
    s3: Any
    sagemaker: Any
    sqs: Any = None
    bedrock: Any = None
    rekognition: Any = None


def make_clients(*, realtime: bool = False, guardrail: bool = False, pictures: bool = False) -> Clients:
    """Clients for the region and credentials of the environment.

    With ``realtime`` the one for SageMaker waits for pictures, and there is one for SQS. With ``guardrail``
    there is one for Bedrock's runtime, with ``pictures`` one for Rekognition.
    """
    # Left to itself botocore signs links for the global endpoint, which redirects to the region for a new
    # bucket's first hours, and a redirect breaks the signature. Virtual addressing signs for the region's
    # own host. A local AWS has one host for all buckets, which takes paths.
    local = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    # SigV4, because S3 serves objects encrypted with a KMS key to nothing older.
    s3_config = Config(signature_version="s3v4", s3={"addressing_style": "path" if local else "virtual"})
    # Not by way of boto3, whose clients these are: it brings S3's transfer manager, 6% of a cold start.
    make = get_session().create_client
    return Clients(
        dynamodb=trace_calls(make("dynamodb", config=_CONFIG)),
        s3=trace_calls(make("s3", config=_CONFIG.merge(s3_config))),
        sagemaker=trace_calls(
            make("sagemaker-runtime", config=_REALTIME_CONFIG if realtime else _SAGEMAKER_CONFIG)
        ),
        sqs=trace_calls(make("sqs", config=_CONFIG)) if realtime else None,
        bedrock=trace_calls(make("bedrock-runtime", config=_GUARDRAIL_CONFIG)) if guardrail else None,
        rekognition=trace_calls(make("rekognition", config=_CONFIG)) if pictures else None,
    )
