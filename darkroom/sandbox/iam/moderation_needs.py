"""What calls of the services need that look at prompts and pictures."""

from __future__ import annotations

from moto.s3.models import s3_backends

from darkroom.sandbox.iam.call import Call, Need, UnknownCallError
from darkroom.sandbox.iam.s3_needs import object_needs


def bedrock_needs(call: Call) -> list[Need]:
    """A guardrail, by its ARN whichever way it is named (Bedrock user guide, "Set up permissions to use
    Amazon Bedrock Guardrails").

    Raises:
        UnknownCallError: the call is not ApplyGuardrail.
    """
    if call.operation != "ApplyGuardrail":
        raise UnknownCallError(
            f"IAM is enforced, and which permissions bedrock:{call.operation} needs is not known"
        )
    given = call.parameter("guardrailIdentifier")
    return [Need("bedrock:ApplyGuardrail", given if ":" in given else call.arn(f"guardrail/{given}"))]


def rekognition_needs(call: Call) -> list[Need]:
    """The action, which takes no resource without an adapter, and to read a picture that lies in S3.

    It is read by the caller's own permission (Rekognition developer guide, "Analyzing images stored in an
    Amazon S3 bucket"). One that is not there is Rekognition's to say.
    """
    needed = [Need(f"rekognition:{call.operation}")]
    found = (call.parameters.get("Image") or {}).get("S3Object")
    if found is None:
        return needed
    bucket, key = str(found.get("Bucket", "")), str(found.get("Name", ""))
    held = s3_backends[call.account]["aws"].buckets.get(bucket)
    if held is None or key not in held.keys:
        return needed
    return [*needed, *object_needs("GetObject", bucket, key, call.account, call.region)]
