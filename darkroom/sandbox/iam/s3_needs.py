"""What S3's operations need: on the bucket, on the object, and on the key that it is encrypted with.

S3 user guide, "Required permissions for Amazon S3 API operations", and "Using server-side encryption with AWS
KMS keys (SSE-KMS)", for the caller's permissions on the key and its encryption context.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3.models import FakeBucket, S3Backend, s3_backends

from darkroom.sandbox.iam.call import Call, Need, UnknownCallError

# Operations on a bucket, by the action that allows them; the others are named like their action.
_ON_BUCKET = {
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketVersioning": "GetBucketVersioning",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
# On an object: the action, and what it needs of the object's key.
_ON_OBJECT: dict[str, tuple[str, tuple[str, ...]]] = {
    "AbortMultipartUpload": ("AbortMultipartUpload", ()),
    "CompleteMultipartUpload": ("PutObject", ("kms:Decrypt",)),
    "CreateMultipartUpload": ("PutObject", ("kms:GenerateDataKey",)),
    "DeleteObject": ("DeleteObject", ()),
    "GetObject": ("GetObject", ("kms:Decrypt",)),
    "GetObjectTagging": ("GetObjectTagging", ()),
    # The key, too: the API reference asks for it of directory buckets, and here of every bucket, to be safe.
    "HeadObject": ("GetObject", ("kms:Decrypt",)),
    "PutObject": ("PutObject", ("kms:GenerateDataKey",)),
    "UploadPart": ("PutObject", ("kms:Decrypt", "kms:GenerateDataKey")),
}


def s3_needs(call: Call) -> list[Need]:
    """Everything that one request needs.

    Raises:
        UnknownCallError: the operation is not one of those above.
    """
    bucket = str(call.parameters.get("Bucket") or "")
    if call.operation in _ON_BUCKET:
        prefix = call.parameters.get("Prefix")
        context = {"s3:prefix": str(prefix)} if prefix is not None else {}
        return [Need(f"s3:{_ON_BUCKET[call.operation]}", _arn(bucket), context)]
    if call.operation == "DeleteObjects":
        return list(_deletions(bucket, call.parameters))
    if call.operation not in _ON_OBJECT:
        raise UnknownCallError(
            f"IAM is enforced, and which permissions s3:{call.operation} needs is not known"
        )
    return object_needs(
        call.operation,
        bucket,
        str(call.parameters.get("Key") or ""),
        call.account,
        call.region,
        version=call.parameters.get("VersionId"),
    )


def object_needs(
    operation: str, bucket: str, key: str, account: str, region: str, *, version: str | None = None
) -> list[Need]:
    """To do ``operation`` (GetObject, PutObject, ...) on one object, whoever asks and by whichever way.

    To be told that an object is not there, one must be allowed to list the bucket: else S3 answers 403.
    """
    action, on_key = _ON_OBJECT[operation]
    versioned = action if version is None else f"{action}Version"
    needed = [Need(f"s3:{versioned}", f"{_arn(bucket)}/{key}")]
    found = _bucket(bucket, account)
    if found is None:
        return needed
    if action == "GetObject" and key not in found.keys:
        return [*needed, Need("s3:ListBucket", _arn(bucket))]
    return [*needed, *_key_needs(found, key, on_key, region, account)]


def _deletions(bucket: str, parameters: Any) -> Iterator[Need]:
    """DeleteObjects: "you must always specify the s3:DeleteObject permission", and s3:DeleteObjectVersion for
    an object that is named with its version (S3 API reference)."""
    for one in parameters["Delete"]["Objects"]:
        yield Need("s3:DeleteObject", f"{_arn(bucket)}/{one['Key']}")
        if one.get("VersionId"):
            yield Need("s3:DeleteObjectVersion", f"{_arn(bucket)}/{one['Key']}")


def _key_needs(
    bucket: FakeBucket, key: str, actions: tuple[str, ...], region: str, account: str
) -> Iterator[Need]:
    """What reading or writing an object needs of the KMS key that its bucket is encrypted with."""
    rule = (bucket.encryption or {}).get("Rule") or {}
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    key_id = default.get("KMSMasterKeyID")
    if default.get("SSEAlgorithm") != "aws:kms" or not key_id:
        return
    arn = key_id if str(key_id).startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{key_id}"
    # Under an S3 Bucket Key the encryption context is the bucket's ARN.
    shared = str(rule.get("BucketKeyEnabled", "false")).lower() == "true"
    context = {
        "kms:ViaService": f"s3.{region}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": _arn(bucket.name) + ("" if shared else f"/{key}"),
    }
    for action in actions:
        yield Need(action, arn, context)


def _bucket(name: str, account: str) -> FakeBucket | None:
    backend: S3Backend = s3_backends[account]["aws"]
    found: FakeBucket | None = backend.buckets.get(name)
    return found


def _arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"
