"""What SageMaker does in the execution role of a model or a training job, beside S3 and SNS.

SageMaker developer guide, "How to use SageMaker AI execution roles", CreateModel and CreateTrainingJob: pull
the image, write the log, publish metrics; and for a KMS key of the instances' volumes kms:CreateGrant, with
which EC2 gets its grant. IAM names a log group by its streams, and ecr:GetAuthorizationToken and
cloudwatch:PutMetricData take no resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from darkroom.sandbox import iam
from darkroom.sandbox.iam import Need
from darkroom.sandbox.iam.vpc_endpoints import require_of_attached
from darkroom.sandbox.network import Attachment

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[^:@]+)[:@].+"
)
_SESSION = "SageMaker"
_ATTACHING = (
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
    "DescribeDhcpOptions",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)


def require(role: str, needed: Iterable[Need], *, through: Attachment | None = None) -> None:
    """Check that an execution role may do what SageMaker does in it.

    Args:
        through: the subnets by which SageMaker moves S3's data, if it was given any.

    Raises:
        AccessDeniedError: it may not, or the policy of S3's VPC endpoint does not let it pass.
    """
    asked = list(needed)
    iam.require(role, asked, session=_SESSION)
    require_of_attached(through, role, _SESSION, asked)


def to_pull(image: str) -> list[Need]:
    """The image, from its repository in ECR; an image of another registry needs nothing."""
    found = _IMAGE.fullmatch(image)
    if found is None:
        return []
    repository = f"arn:aws:ecr:{found['region']}:{found['account']}:repository/{found['repository']}"
    layers = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    return [Need("ecr:GetAuthorizationToken"), *(Need(action, repository) for action in layers)]


def to_encrypt_volumes(key: str | None) -> list[Need]:
    """With the key that the volumes were asked to be encrypted with, if one was."""
    return [Need("kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "true"})] if key else []


def to_log(group: str, stream: str, region: str, account: str, *, actions: Iterable[str] = ()) -> list[Need]:
    """To make a log stream and write to it; ``actions`` on the group beside that."""
    streams = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:"
    needed = [Need(f"logs:{action}", streams) for action in actions]
    return [
        *needed,
        Need("logs:CreateLogStream", streams + stream),
        Need("logs:PutLogEvents", streams + stream),
    ]


def to_attach(network: Attachment | None) -> list[Need]:
    """To make and delete the network interfaces of an instance in a VPC, of which IAM sees the actions alone.

    CreateModel and CreateTrainingJob with a VPC, in the guide above.
    """
    return [Need(f"ec2:{action}") for action in _ATTACHING] if network else []


def to_watch(alarms: Iterable[str], region: str, account: str) -> list[Need]:
    """To look at the alarms that take an update back ("Auto-Rollback Configuration and Monitoring")."""
    return [
        Need("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}")
        for name in alarms
    ]


def to_publish_metrics(namespace: str) -> list[Need]:
    """To a CloudWatch namespace."""
    return [Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": namespace})]
