"""What sending to a queue needs."""

from __future__ import annotations

from moto.sqs.models import sqs_backends

from darkroom.sandbox.iam.call import Need


def queue_needs(queue: str) -> list[Need]:
    """To send to a queue (an ARN), which may be encrypted with a key.

    SQS developer guide, "Key management": who sends has kms:GenerateDataKey and kms:Decrypt on the key.
    """
    _, _, _, region, account, name = queue.split(":", 5)
    found = sqs_backends[account][region].queues.get(name)
    key = getattr(found, "kms_master_key_id", None)
    needed = [Need("sqs:SendMessage", queue)]
    if key:
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{key}"
        needed += [Need("kms:GenerateDataKey", arn), Need("kms:Decrypt", arn)]
    return needed
