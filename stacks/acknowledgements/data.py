"""What is accepted of the data stack."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import INLINE, Acknowledged, nist_and_pci, objects, one
from stacks.acknowledgements.functions import ANSWERS_CLOUDFORMATION, of_function
from stacks.campaign_stage import CampaignStage

KEYS_OF_BUCKET = (
    "Emptying the bucket deletes every object in it; the function runs when its stack is destroyed, and the "
    "policy names this bucket alone."
)
LOG_ENCRYPTION = nist_and_pci(
    "S3DefaultEncryptionKMS",
    "S3 delivers access logs to no bucket whose default encryption is a KMS key (S3 user guide, server "
    "access logging). It is encrypted with S3's own keys, closed to the public, and holds no prompt.",
)
REPLICATION = nist_and_pci(
    "S3BucketReplicationEnabled",
    "Everything in it can be made again from a request, or is of use for days: S3 keeps it in three zones. A "
    "copy in another region would be a second place where prompts and pictures have to be deleted.",
)
VERSIONING = nist_and_pci(
    "S3BucketVersioningEnabled",
    "An object is written once, under a key that no other attempt has, and expires by a lifecycle rule; old "
    "versions would keep what the campaign promises to delete. No function may delete but the one that "
    "empties buckets when the campaign is destroyed.",
)
BACKUP = one(
    "NIST.800.53.R5-DynamoDBInBackupPlan",
    "Point-in-time recovery is on: any second of the last 35 days can be restored. A job is of use until its "
    "picture expires, so older copies in a backup vault would hold prompts that were promised to be deleted.",
)
DEFAULT_GROUP = nist_and_pci(
    "VPCDefaultSecurityGroupClosed",
    "The rule fires for every VPC of a template, whose default group CloudFormation can't change. No network "
    "interface is in that group, it lets nothing in but itself, and there is no internet gateway.",
)


def of_data(stage: CampaignStage) -> Acknowledged:
    """Key, buckets, table, network."""
    data = stage.data
    yield data.access_logs, LOG_ENCRYPTION
    built = [data.built.bucket] if data.built is not None else []
    for bucket in (data.access_logs, data.payloads, data.pictures, *built):
        yield bucket, REPLICATION
        yield bucket, VERSIONING
    yield data.jobs, BACKUP
    yield from of_function(
        data.cleanup, attached=data.network is not None, no_dead_letters=ANSWERS_CLOUDFORMATION
    )
    for cleaned, policy in data.cleanup_policies:
        yield policy, objects(cleaned, "*", KEYS_OF_BUCKET, user=data)
        yield policy, INLINE
    if data.network is not None:
        yield data.network.vpc, DEFAULT_GROUP
        yield data.network.flow_logs_role, INLINE
