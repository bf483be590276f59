"""What must outlive the rest: the key, the buckets, the job table."""

from __future__ import annotations

import math

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IConstruct

from darkroom.campaign import ResolvedCampaign
from stacks.budget import allow_budgets
from stacks.firewall import firewall_log_group
from stacks.lambda_code import LambdaCode
from stacks.network import Network
from stacks.permissions import allow, allow_service, arn
from stacks.python_function import PythonFunction
from stacks.served_bundle import NONE, BuiltBundles, build_log_group, parameter_name

DAY = 86400
MAX_ATTEMPTS = 3
"""Times that a job is submitted before reconciliation fails it."""

HOLDS = "darkroom:holds"
"""The tag on what survives ``cdk destroy`` with ``retention: keep``: key, pictures, jobs or bundles."""

LOGS_DAYS = 90
# A picture is deleted by S3 at the earliest a day after its job is forgotten: no link points nowhere.
MARGIN_DAYS = 1
# A part that was compiled so long ago is compiled again.
WORK_DAYS = 60


class DataStack(cdk.Stack):
    """The campaign's state. With ``retention: keep`` the key, the pictures and the table survive it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        campaign: ResolvedCampaign,
        lambda_code: LambdaCode,
        env: cdk.Environment,
        description: str,
    ) -> None:
        super().__init__(scope, id, env=env, description=description)
        self._campaign = campaign
        self._keeps = campaign.file.retention == "keep"
        self._kept = cdk.RemovalPolicy.RETAIN if self._keeps else cdk.RemovalPolicy.DESTROY
        self.key = self._build_key()
        self.jobs = self._build_job_table()
        self.network = self._build_network() if campaign.file.network == "isolated" else None
        self.cleanup_policies: list[tuple[s3.IBucket, iam.Policy]] = []
        self.cleanup = self._build_cleanup_function(lambda_code)
        self.access_logs = self._build_log_bucket()
        self.payloads = self._build_payloads_bucket()
        self.pictures = self._build_pictures_bucket()
        self.built = self._build_bundle_store() if campaign.file.build else None
        self._say_what_is_held()
        cdk.CfnOutput(self, "PicturesBucketName", value=self.pictures.bucket_name)
        cdk.CfnOutput(self, "JobsTableName", value=self.jobs.table_name)

    def _say_what_is_held(self) -> None:
        """Tags by which `darkroom adopt` tells what an earlier deployment kept."""
        held: dict[str, IConstruct] = {"key": self.key, "pictures": self.pictures, "jobs": self.jobs}
        if self.built is not None:
            held["bundles"] = self.built.bucket
        for name, construct in held.items():
            cdk.Tags.of(construct).add(HOLDS, name)

    def _build_key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            description=f"Data of the campaign {self._campaign.name}",
            enable_key_rotation=True,
            removal_policy=self._kept,
            pending_window=cdk.Duration.days(7),
        )
        # CloudWatch publishes alarms to the encrypted operations topic as itself, not in a role.
        key.add_to_resource_policy(
            allow_service(
                "cloudwatch.amazonaws.com",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                "*",
                source_arns=[arn(self, "cloudwatch", f"alarm:{self._campaign.name}-*")],
            )
        )
        key.add_to_resource_policy(self._allow_logs())
        if self._campaign.file.budget is not None:
            # So do budgets.
            key.add_to_resource_policy(allow_budgets(self, ["kms:Decrypt", "kms:GenerateDataKey"], "*"))
        return key

    def _build_network(self) -> Network:
        return Network(self, "Network", campaign=self._campaign, key=self.key, jobs=self.jobs)

    def _allow_logs(self) -> iam.PolicyStatement:
        """CloudWatch Logs encrypts as itself (its user guide, "Encrypt log data", key policy)."""
        name = self._campaign.name
        groups = [f"/darkroom/{name}/*", f"/aws/sagemaker/Endpoints/{name}"]
        if self._campaign.file.api.firewall.enabled:
            groups.append(firewall_log_group(name))
        if self._campaign.file.build is not None:
            groups.append(build_log_group(name))
        return iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
            # What the guide's wildcards stand for, for a symmetric key.
            actions=[
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        arn(self, "logs", f"log-group:{group}") for group in groups
                    ]
                }
            },
        )

    def _build_cleanup_function(self, lambda_code: LambdaCode) -> PythonFunction:
        """Empties buckets on deletion. CloudFormation waits for its answer: it needs no dead-letter queue."""
        cleanup = PythonFunction(
            self,
            "BucketCleanup",
            campaign=self._campaign.name,
            handler="bucket_cleanup.handler.handler",
            code=lambda_code.package("bucket_cleanup", "custom_resource"),
            environment={},
            statements=[],
            timeout=cdk.Duration.minutes(15),
            memory_size=256,
            key=self.key,
            network=self.network.functions if self.network else None,
        )
        if self.network is not None:
            # It reaches S3 by the network's endpoint: that is made before it and deleted after it.
            cleanup.node.add_dependency(self.network)
        return cleanup

    def _empty_on_destroy(self, bucket: s3.Bucket) -> cdk.CustomResource:
        # A policy for each bucket, which the function does not wait for: one policy for all would make the
        # log bucket's cleanup wait for the buckets that must wait for it.
        policy = iam.Policy(
            bucket,
            "CleanupPolicy",
            roles=[self.cleanup.role],
            statements=[
                allow(["s3:ListBucketVersions"], [bucket.bucket_arn]),
                allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], [bucket.arn_for_objects("*")]),
            ],
        )
        self.cleanup_policies.append((bucket, policy))
        cleanup = cdk.CustomResource(
            bucket,
            "Cleanup",
            resource_type="Custom::BucketCleanup",
            service_token=self.cleanup.function.function_arn,
            properties={"BucketName": bucket.bucket_name},
        )
        cleanup.node.add_dependency(policy)
        return cleanup

    def _build_log_bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            # S3's log delivery can't write to a bucket whose default encryption is a KMS key.
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[_expiry(LOGS_DAYS)],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._logs_cleanup = self._empty_on_destroy(bucket)
        return bucket

    def _build_payloads_bucket(self) -> s3.Bucket:
        """Payloads hold prompts: they go as soon as no attempt can need them."""
        waiting = MAX_ATTEMPTS * self._campaign.file.endpoint.request_time_to_live
        expired = [_expiry(_days(waiting) + MARGIN_DAYS)]
        bucket = self._build_bucket(
            "Payloads", lifecycle_rules=expired, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self._empty_on_destroy(bucket)
        return bucket

    def _build_pictures_bucket(self) -> s3.Bucket:
        expired = [_expiry(_days(self._campaign.file.cache.time_to_live) + MARGIN_DAYS)]
        bucket = self._build_bucket("Pictures", lifecycle_rules=expired, removal_policy=self._kept)
        if not self._keeps:
            self._empty_on_destroy(bucket)
        return bucket

    def _build_bundle_store(self) -> BuiltBundles:
        """Where builds publish. CloudFormation never writes the parameter again: its text here stays NONE."""
        # Bundles stay: which one a rollback or an instance to come needs, no age says. What builds leave on
        # their way is of use to the next build alone.
        expired = [_expiry(WORK_DAYS, prefix) for prefix in ("builds/", "cache/", "results/")]
        bucket = self._build_bucket("Bundles", lifecycle_rules=expired, removal_policy=self._kept)
        if not self._keeps:
            self._empty_on_destroy(bucket)
        parameter = ssm.CfnParameter(
            self,
            "ServedBundle",
            name=parameter_name(self._campaign.name),
            type="String",
            value=NONE,
            description=f"The S3 URI of the bundle that the campaign {self._campaign.name} serves",
            tags={"darkroom:campaign": self._campaign.name, **self._campaign.file.tags},
        )
        cdk.CfnOutput(self, "BundlesBucketName", value=bucket.bucket_name)
        return BuiltBundles(bucket, parameter)

    def _build_bucket(
        self, id: str, *, lifecycle_rules: list[s3.LifecycleRule], removal_policy: cdk.RemovalPolicy
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{id.lower()}/",
            lifecycle_rules=lifecycle_rules,
            removal_policy=removal_policy,
        )
        if bucket.policy is not None:
            # Kept pictures keep the policy that refuses requests without TLS.
            bucket.policy.apply_removal_policy(removal_policy)
        # Deleted first, so that the log bucket is emptied after the last bucket that logs to it is gone.
        bucket.node.add_dependency(self._logs_cleanup)
        return bucket

    def _build_job_table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Jobs",
            partition_key=_attribute("job_id", dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            removal_policy=self._kept,
        )
        # Sparse: only jobs that are not terminal carry its key, so reconciliation reads nothing else.
        table.add_global_secondary_index(
            index_name="open",
            partition_key=_attribute("open_since_bucket", dynamodb.AttributeType.STRING),
            sort_key=_attribute("updated_at", dynamodb.AttributeType.NUMBER),
            # Rows hold prompts: one copy of them is enough.
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        return table


def _attribute(name: str, type: dynamodb.AttributeType) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=type)


def _days(seconds: int) -> int:
    """Whole days that cover so many seconds: S3's lifecycle counts in days."""
    return math.ceil(seconds / DAY)


def _expiry(days: int, prefix: str | None = None) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id="expire" if prefix is None else f"expire-{prefix.rstrip('/')}",
        prefix=prefix,
        expiration=cdk.Duration.days(days),
        abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
    )
