"""Where a campaign's jobs and pictures are, and the statements that let a function at them."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from stacks.permissions import allow


@dataclass(frozen=True)
class Storage:
    """What the functions read and write: the job table, the buckets, and the key of them all."""

    key: kms.IKey
    payloads: s3.IBucket
    pictures: s3.IBucket
    jobs: dynamodb.ITable

    def using_jobs(self, *actions: str) -> iam.PolicyStatement:
        """Do ``actions`` to rows of the job table."""
        return allow(actions, [self.jobs.table_arn])

    def listing_open_jobs(self) -> iam.PolicyStatement:
        """Query the index of the jobs that somebody waits for."""
        return allow(["dynamodb:Query"], [f"{self.jobs.table_arn}/index/open"])

    def reading(self, prefix: str) -> iam.PolicyStatement:
        """Read what the pictures bucket has under ``prefix``."""
        return allow(["s3:GetObject"], [self.pictures.arn_for_objects(f"{prefix}/*")])

    def finding(self, *prefixes: str) -> list[iam.PolicyStatement]:
        """The same, and hear that a thing is not there: without ListBucket S3 answers 403, not 404."""
        listing = allow(["s3:ListBucket"], [self.pictures.bucket_arn])
        return [*(self.reading(prefix) for prefix in prefixes), listing]

    def writing(self, bucket: s3.IBucket, prefix: str) -> iam.PolicyStatement:
        """Write below ``prefix``; it takes :meth:`encrypting`, too."""
        return allow(["s3:PutObject"], [bucket.arn_for_objects(f"{prefix}/*")])

    def encrypting(self) -> iam.PolicyStatement:
        """Write objects to a bucket that is encrypted with the campaign's key."""
        return allow(["kms:GenerateDataKey"], [self.key.key_arn])

    def decrypting(self) -> iam.PolicyStatement:
        """Read rows and objects: table and buckets are encrypted with the campaign's key."""
        return allow(["kms:Decrypt"], [self.key.key_arn])
