"""`darkroom adopt`: the next deployment takes over what the last one kept.

CloudFormation imports resources into a stack by a change set of their own, which may do nothing else. So
the campaign's data stack is made of the kept resources alone; the next ``cdk deploy`` finds the stack there
and updates it with all the rest. (ImportExistingResources, the CDK CLI's --import-existing-resources, takes
only what has its name in the template, which a KMS key can't; `cdk import` leaves references to what it
leaves out.) Source: CloudFormation user guide, "Import AWS resources into a CloudFormation stack".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions

from darkroom.deployed import find_stack
from darkroom.operations.kept import Generation, Kept, find_kept
from darkroom.operations.synthesized import stack_templates
from darkroom.operations.tags import CAMPAIGN, HOLDS

_IDENTIFIERS = {
    "AWS::KMS::Key": "KeyId",
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::BucketPolicy": "Bucket",
}
_NAME = "darkroom-adopt"

Resources = Mapping[str, Any]


class AdoptionError(Exception):
    """Nothing can be adopted; the text says why and what to do."""


def adopt(
    campaign: str,
    report: Callable[[str], None],
    *,
    key: str | None = None,
    campaigns: Path | None = None,
    session: Any = None,
) -> None:
    """Make the campaign's data stack of what an earlier deployment kept.

    Args:
        report: is told what is adopted.
        key: the id of the KMS key of the generation to take, where there are several.
        campaigns: a folder with campaign files in the place of the project's.
        session: a boto3 session; the environment's by default.

    Raises:
        AdoptionError: there is nothing to adopt, or too much, the campaign is deployed, or CloudFormation
            refuses. Then no stack is left behind.
        PlanError: the campaign can't be synthesized.
    """
    session = session or boto3.Session()
    stack = f"{campaign}-data"
    try:
        _refuse_deployed(stack, session)
        generation = _chosen(find_kept(campaign, session), campaign, key)
        resources = _without_absent_policies(
            import_template(stack_templates(campaign, campaigns)[stack], generation), generation, session
        )
        for one in generation.kept:
            report(f"{one.holds}: {one.name}")
        _import(stack, campaign, resources, _identifiers(resources, generation), session)
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise AdoptionError(f"what {campaign} kept can't be adopted: {error}") from error


def import_template(template: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    """The resources of the data stack's template that ``generation`` has, without what refers to others.

    The deployment that follows compares with this: what is left out here it sets.

    Raises:
        AdoptionError: the template has no place for one of them, or two would take the same.
    """
    declared = template["Resources"]
    for holds in {one.holds for one in generation.kept}:
        _refuse_several(holds, [one.name for one in generation.kept if one.holds == holds])
    chosen = {_logical_id(declared, one): one for one in generation.kept}
    for name, resource in declared.items():
        bucket = resource.get("Properties", {}).get("Bucket", {})
        if resource["Type"] == "AWS::S3::BucketPolicy" and bucket.get("Ref") in chosen:
            chosen[name] = chosen[bucket["Ref"]]
    return {name: _standing_alone(declared[name], set(chosen)) for name in declared if name in chosen}


def _without_absent_policies(
    resources: dict[str, Any], generation: Generation, session: Any
) -> dict[str, Any]:
    """A bucket whose policy somebody took off gets the template's by the deployment that follows."""
    identifiers = _identifiers(resources, generation)
    names = {one["LogicalResourceId"]: one["ResourceIdentifier"] for one in identifiers}

    def there(name: str) -> bool:
        if resources[name]["Type"] != "AWS::S3::BucketPolicy":
            return True
        try:
            session.client("s3").get_bucket_policy(Bucket=names[name]["Bucket"])
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return False
        return True

    return {name: resource for name, resource in resources.items() if there(name)}


def _refuse_several(holds: str, names: list[str]) -> None:
    if len(names) > 1:
        raise AdoptionError(
            f"{' and '.join(names)} both hold the campaign's {holds}, under one key: one was replaced. "
            f"Take the tag {HOLDS} off the one that is not to be adopted."
        )


def _logical_id(declared: Resources, kept: Kept) -> str:
    for name, resource in declared.items():
        tags = resource.get("Properties", {}).get("Tags", [])
        if {"Key": HOLDS, "Value": kept.holds} in tags:
            return name
    raise AdoptionError(
        f"{kept.holds} {kept.name} was kept, and the campaign as it is now has none: a build section has "
        "bundles. Give the campaign one, or take the tags off what is kept."
    )


def _standing_alone(resource: Mapping[str, Any], chosen: set[str]) -> dict[str, Any]:
    properties = {
        name: value for name, value in resource["Properties"].items() if set(_references(value)) <= chosen
    }
    return {
        "Type": resource["Type"],
        "Properties": properties,
        "DeletionPolicy": resource["DeletionPolicy"],
        "UpdateReplacePolicy": resource["UpdateReplacePolicy"],
    }


def _references(value: Any) -> Iterator[str]:
    """The logical ids that a property's value names; pseudo parameters are none."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, Mapping):
        if "Ref" in value and not str(value["Ref"]).startswith("AWS::"):
            yield value["Ref"]
        elif "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        else:
            for item in value.values():
                yield from _references(item)


def _identifiers(resources: Resources, generation: Generation) -> list[dict[str, Any]]:
    by_holds = {one.holds: one.name for one in generation.kept}

    def physical(resource: Mapping[str, Any]) -> str:
        if resource["Type"] == "AWS::S3::BucketPolicy":
            return physical(resources[resource["Properties"]["Bucket"]["Ref"]])
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        return by_holds[tags[HOLDS]]

    return [
        {
            "LogicalResourceId": name,
            "ResourceType": resource["Type"],
            "ResourceIdentifier": {_IDENTIFIERS[resource["Type"]]: physical(resource)},
        }
        for name, resource in resources.items()
    ]


def _refuse_deployed(stack: str, session: Any) -> None:
    found = find_stack(stack, session.client("cloudformation"))
    if found is not None and found.status != "REVIEW_IN_PROGRESS":
        raise AdoptionError(
            f"the stack {stack} is there ({found.status}) and has its own data. Only a campaign "
            "that is not deployed can adopt: destroy it first, if what it has may go."
        )


def _chosen(generations: list[Generation], campaign: str, key: str | None) -> Generation:
    if not generations:
        raise AdoptionError(f"no earlier deployment of {campaign} kept anything here: just deploy it")
    wanted = [one for one in generations if key in (None, one.key)]
    if len(wanted) == 1:
        return wanted[0]
    listed = "\n".join(f"  --key {one.key}: {one}" for one in generations)
    raise AdoptionError(f"several deployments of {campaign} kept something; say which to adopt:\n{listed}")


def _import(
    stack: str, campaign: str, resources: Resources, identifiers: list[dict[str, Any]], session: Any
) -> None:
    cloudformation = session.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=_NAME,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": resources}),
        ResourcesToImport=identifiers,
        Tags=[{"Key": CAMPAIGN, "Value": campaign}],
        Description="What an earlier deployment kept",
    )
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        cloudformation.execute_change_set(ChangeSetName=made["Id"])
        cloudformation.get_waiter("stack_import_complete").wait(
            StackName=made["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 600}
        )
    except (botocore.exceptions.ClientError, botocore.exceptions.WaiterError) as error:
        reason = _why(cloudformation, made, error)
        _drop_empty(cloudformation, made["StackId"])
        raise AdoptionError(f"CloudFormation did not import what {campaign} kept: {reason}") from error


def _drop_empty(cloudformation: Any, stack_id: str) -> None:
    """Delete the stack if it has taken nothing; one that has would take it along."""
    found = find_stack(stack_id, cloudformation)
    if found is not None and found.status in ("REVIEW_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE"):
        cloudformation.delete_stack(StackName=stack_id)


def _why(cloudformation: Any, made: Mapping[str, Any], error: Exception) -> str:
    """The first event that failed; else what is wrong with the change set, which is gone once it ran."""
    events = cloudformation.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    reasons = [one.get("ResourceStatusReason") for one in events if one["ResourceStatus"].endswith("_FAILED")]
    if reasons and reasons[-1]:
        return str(reasons[-1])
    try:
        described = cloudformation.describe_change_set(ChangeSetName=made["Id"])
    except botocore.exceptions.ClientError:
        return str(error)
    return str(described.get("StatusReason", error))
