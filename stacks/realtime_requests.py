"""How many requests a realtime endpoint is given at once, and how many wait in its containers.

An asynchronous endpoint has SageMaker's queue before it. A realtime one has none: what it can't draw at
once waits in the container, on InvokeEndpoint's 60 s, and a request given up by its caller is drawn all the
same. So a container queues only what it can draw in time and refuses the rest, and no more functions call
than the largest fleet has workers; everything else waits in an SQS queue, at no cost.
"""

from __future__ import annotations

import math

from darkroom.campaign import ResolvedCampaign

# ScalingConfig.MaximumConcurrency of an event source mapping is 2 to 1000 (AWS CloudFormation reference).
LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000


def queue_environment(campaign: ResolvedCampaign) -> dict[str, str]:
    """The container's job queue: what its workers draw in the time-out, beside what they draw now.

    Multi Model Server and TorchServe read job_queue_size, by default 100, from these variables
    (awslabs/multi-model-server and pytorch/serve, ConfigManager; the toolkits set enable_envvars_config) and
    answer 503 when it is full. A queue holds one at least. DJL Serving's is in the bundle's properties.
    """
    endpoint = campaign.file.endpoint
    if endpoint.mode != "realtime" or campaign.container == "djl":
        return {}
    rounds = math.floor(endpoint.invocation_timeout / campaign.seconds_per_image) - 1
    size = str(max(1, rounds * campaign.workers_per_instance))
    return {"MMS_JOB_QUEUE_SIZE": size, "TS_JOB_QUEUE_SIZE": size}


def drawing_concurrency(campaign: ResolvedCampaign) -> int:
    """Functions that may call the endpoint at once: the workers of the largest fleet, and one an instance.

    The one more has the next picture ready in the container when a worker is done; where two pictures don't
    fit in the time-out it would be drawn in vain.
    """
    scaling, seconds = campaign.file.scaling, campaign.seconds_per_image
    ready = int(2 * seconds <= campaign.file.endpoint.invocation_timeout)
    most = max(scaling.max_instances, *(action.max_instances or 0 for action in scaling.schedule), 0)
    wanted = most * (campaign.workers_per_instance + ready)
    return min(MOST_CONCURRENCY, max(LEAST_CONCURRENCY, wanted))
