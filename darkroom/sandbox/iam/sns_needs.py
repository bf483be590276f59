"""What publishing to a topic needs."""

from __future__ import annotations

from moto.sns.models import sns_backends

from darkroom.sandbox.iam.call import Need


def topic_needs(topic: str) -> list[Need]:
    """To publish to a topic (an ARN), which may be encrypted.

    SNS developer guide, "Managing Amazon SNS encryption keys": a publisher to an encrypted topic has
    kms:GenerateDataKey* and kms:Decrypt on the topic's key.
    """
    _, _, _, region, account, _ = topic.split(":", 5)
    found = sns_backends[account][region].topics.get(topic)
    key = found.kms_master_key_id if found else None
    needed = [Need("sns:Publish", topic)]
    if key:
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{key}"
        needed += [Need("kms:GenerateDataKey", arn), Need("kms:Decrypt", arn)]
    return needed
