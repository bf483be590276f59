"""AWS::S3::Bucket and AWS::S3::BucketPolicy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from darkroom.sandbox.cloudformation.handler import (
    HandlerRequest,
    Resource,
    ResourceHandler,
    undone_on_failure,
)

_RULE_AS_IN_THE_API = {
    "AbortIncompleteMultipartUpload",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "Status",
    "Transitions",
}


def _put_encryption(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    if given is None:
        s3.delete_bucket_encryption(Bucket=bucket)
        return
    rules = []
    for rule in given["ServerSideEncryptionConfiguration"]:
        default = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        rules.append({**default, "BucketKeyEnabled": rule.get("BucketKeyEnabled", False)})
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _put_public_access_block(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    if given is None:
        s3.delete_public_access_block(Bucket=bucket)
    else:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=given)


def _put_lifecycle(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    if given is None:
        s3.delete_bucket_lifecycle(Bucket=bucket)
    else:
        rules = [_lifecycle_rule(rule) for rule in given["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a template as the API has it."""
    rule = {key: given[key] for key in given.keys() & _RULE_AS_IN_THE_API}
    rule["Filter"] = {"Prefix": given.get("Prefix", "")}
    rest = given.keys() - _RULE_AS_IN_THE_API - {"Prefix"}
    for key, convert in _RULE_OTHERWISE.items():
        if key in rest:
            rule.update(convert(given[key]))
    if rest - _RULE_OTHERWISE.keys():
        unplayed = sorted(rest - _RULE_OTHERWISE.keys())
        raise ValueError(f"the local AWS does not play {unplayed} of a bucket's lifecycle rule")
    return rule


_RULE_OTHERWISE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Id": lambda value: {"ID": value},
    "ExpirationInDays": lambda days: {"Expiration": {"Days": int(days)}},
    "ExpiredObjectDeleteMarker": lambda on: {"Expiration": {"ExpiredObjectDeleteMarker": on}},
    "NoncurrentVersionExpirationInDays": lambda days: {
        "NoncurrentVersionExpiration": {"NoncurrentDays": int(days)}
    },
}


def _put_versioning(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    # Versioning can't be taken away again, only suspended.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=given or {"Status": "Suspended"})


def _put_ownership(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    if given is None:
        s3.delete_bucket_ownership_controls(Bucket=bucket)
    else:
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=given)


def _put_logging(s3: Any, bucket: str, given: Mapping[str, Any] | None) -> None:
    status = {}
    if given is not None:
        target = given.get("DestinationBucketName", bucket)
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": given.get("LogFilePrefix", "")}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=status)


def _put_acl(s3: Any, bucket: str, given: str | None) -> None:
    """A canned ACL; the template's LogDeliveryWrite is the API's log-delivery-write."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "-", given or "Private").lower()
    s3.put_bucket_acl(Bucket=bucket, ACL=words)


def _put_tags(s3: Any, bucket: str, given: list[dict[str, str]] | None) -> None:
    if given is None:
        s3.delete_bucket_tagging(Bucket=bucket)
    else:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": given})


_SETTINGS: dict[str, Callable[[Any, str, Any], None]] = {
    "AccessControl": _put_acl,
    "BucketEncryption": _put_encryption,
    "LifecycleConfiguration": _put_lifecycle,
    "LoggingConfiguration": _put_logging,
    "OwnershipControls": _put_ownership,
    "PublicAccessBlockConfiguration": _put_public_access_block,
    "Tags": _put_tags,
    "VersioningConfiguration": _put_versioning,
}


class Bucket(ResourceHandler):
    """A bucket. It can't be deleted while something is in it."""

    type_name = "AWS::S3::Bucket"
    properties = frozenset({"BucketName", *_SETTINGS})

    def create(self, request: HandlerRequest) -> Resource:
        s3 = request.client("s3")
        name = request.properties.get("BucketName") or request.default_name(63, lower=True)
        # us-east-1 is the default, and the API refuses it as a constraint.
        place = {"CreateBucketConfiguration": {"LocationConstraint": request.region}}
        s3.create_bucket(Bucket=name, **(place if request.region != "us-east-1" else {}))
        with undone_on_failure(lambda: s3.delete_bucket(Bucket=name)):
            _configure(request, name)
        return _resource(request, name)

    def update(self, request: HandlerRequest) -> Resource:
        _configure(request, request.physical_id)
        return _resource(request, request.physical_id)

    def find(self, request: HandlerRequest) -> Resource:
        request.client("s3").head_bucket(Bucket=request.physical_id)
        return _resource(request, request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("s3").delete_bucket(Bucket=request.physical_id)


def _configure(request: HandlerRequest, name: str) -> None:
    for key, put in _SETTINGS.items():
        if request.changed(key):
            put(request.client("s3"), name, request.properties.get(key))


def _resource(request: HandlerRequest, name: str) -> Resource:
    return Resource(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{request.region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{request.region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{request.region}.amazonaws.com",
        },
    )


class BucketPolicy(ResourceHandler):
    """A bucket's policy."""

    type_name = "AWS::S3::BucketPolicy"
    properties = frozenset({"Bucket", "PolicyDocument"})

    def create(self, request: HandlerRequest) -> Resource:
        bucket, s3 = request.properties["Bucket"], request.client("s3")
        try:
            s3.get_bucket_policy(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
        else:
            # As AWS's own handler has it: a policy is not taken from whoever put it there.
            raise ValueError(f"The bucket policy already exists on bucket {bucket}.")
        return self._put(request)

    def update(self, request: HandlerRequest) -> Resource:
        return self._put(request)

    @staticmethod
    def _put(request: HandlerRequest) -> Resource:
        bucket = request.properties["Bucket"]
        policy = json.dumps(request.properties["PolicyDocument"])
        request.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
        return Resource(bucket)

    def find(self, request: HandlerRequest) -> Resource:
        request.client("s3").get_bucket_policy(Bucket=request.physical_id)
        return Resource(request.physical_id)

    def delete(self, request: HandlerRequest) -> None:
        request.client("s3").delete_bucket_policy(Bucket=request.physical_id)
