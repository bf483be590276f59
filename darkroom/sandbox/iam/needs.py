"""What a call of an AWS API needs: actions, the resources they are done on, condition keys.

Service authorization reference, "Actions, resources, and condition keys for" each service. A service that is
not here is refused by name: a role could use it unseen.
"""

from __future__ import annotations

from collections.abc import Callable

from moto.dynamodb.models import dynamodb_backends

from darkroom.sandbox.iam.api_gateway_needs import api_gateway_needs
from darkroom.sandbox.iam.call import Call, Need, UnknownCallError, passing
from darkroom.sandbox.iam.cloudformation_needs import cloudformation_needs
from darkroom.sandbox.iam.ec2_needs import ec2_needs
from darkroom.sandbox.iam.moderation_needs import bedrock_needs, rekognition_needs
from darkroom.sandbox.iam.s3_needs import s3_needs
from darkroom.sandbox.iam.sns_needs import topic_needs


def needs(call: Call) -> list[Need]:
    """Everything that ``call`` needs.

    Raises:
        UnknownCallError: nobody wrote down what.
    """
    if call.service not in _SERVICES:
        raise UnknownCallError(
            f"IAM is enforced, and which permissions {call.service}:{call.operation} needs is not known"
        )
    return _SERVICES[call.service](call)


def _dynamodb(call: Call) -> list[Need]:
    """Items by table, or by index where one is asked; batches and transactions are not played."""
    name = _last(call.parameter("TableName"))
    index = call.parameters.get("IndexName")
    table = call.arn(f"table/{name}")
    needed = [Need(f"dynamodb:{call.operation}", f"{table}/index/{index}" if index else table)]
    if key := _key_of_table(call, name):
        # The table's key is decrypted on behalf of who uses the table (DynamoDB developer guide, "DynamoDB
        # encryption at rest: How it works", customer managed keys).
        needed.append(Need("kms:Decrypt", key, {"kms:ViaService": f"dynamodb.{call.region}.amazonaws.com"}))
    return needed


def _key_of_table(call: Call, name: str) -> str | None:
    table = dynamodb_backends[call.account][call.region].tables.get(name)
    specification = (table.sse_specification if table else None) or {}
    given = specification.get("KMSMasterKeyId")
    return call.arn(f"key/{_last(str(given))}", "kms") if given else None


def _sns(call: Call) -> list[Need]:
    topic = call.parameter("TopicArn")
    return topic_needs(topic) if call.operation == "Publish" else [Need(f"sns:{call.operation}", topic)]


def _sqs(call: Call) -> list[Need]:
    # A batch needs the single call's permission (SQS developer guide, "Amazon SQS API permissions").
    action = call.operation.removesuffix("Batch")
    name = call.parameters.get("QueueName") or _last(call.parameter("QueueUrl"))
    return [Need(f"sqs:{action}", call.arn(name))]


_SAGEMAKER_RESOURCES = {
    "EndpointName": "endpoint",
    "TrainingJobName": "training-job",
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
}


def _sagemaker(call: Call) -> list[Need]:
    if call.operation in ("AddTags", "DeleteTags", "ListTags"):
        return [Need(f"sagemaker:{call.operation}", call.parameter("ResourceArn"))]
    kinds = [
        (call.parameters[name], kind)
        for name, kind in _SAGEMAKER_RESOURCES.items()
        if name in call.parameters
    ]
    if not kinds:
        return [Need(f"sagemaker:{call.operation}")]
    name, kind = kinds[0]
    resource = call.arn(f"{kind}/{name}")
    # What is made with tags needs the permission to tag it, too (SageMaker developer guide, "Amazon SageMaker
    # AI API permissions"), and to hand a role to it is to pass that role.
    tagging = [Need("sagemaker:AddTags", resource)] if call.parameters.get("Tags") else []
    role = call.parameters.get("RoleArn") or call.parameters.get("ExecutionRoleArn")
    return [
        Need(f"sagemaker:{call.operation}", resource),
        *tagging,
        *passing(role, "sagemaker.amazonaws.com"),
    ]


def _ssm(call: Call) -> list[Need]:
    names = [call.parameters["Name"]] if "Name" in call.parameters else call.parameters.get("Names") or []
    if not names:
        raise UnknownCallError(f"ssm:{call.operation}: of which parameters?")
    return [Need(f"ssm:{call.operation}", call.arn(f"parameter/{str(name).lstrip('/')}")) for name in names]


def _sts(call: Call) -> list[Need]:
    # "No permissions are required to perform this operation" (STS API reference).
    if call.operation == "GetCallerIdentity":
        return []
    return [Need(f"sts:{call.operation}", str(call.parameters.get("RoleArn", "*")))]


_SERVICES: dict[str, Callable[[Call], list[Need]]] = {
    "apigateway": api_gateway_needs,
    "bedrock": bedrock_needs,
    "cloudformation": cloudformation_needs,
    "dynamodb": _dynamodb,
    "ec2": ec2_needs,
    "rekognition": rekognition_needs,
    "s3": s3_needs,
    "sagemaker": _sagemaker,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "sts": _sts,
}


def _last(name: str) -> str:
    """A queue's name from its URL, a table's or a key's from its ARN."""
    return name.rsplit("/", 1)[-1]
