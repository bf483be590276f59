"""Stacks and change sets in the shapes of CloudFormation's API."""

from __future__ import annotations

from typing import Any

from darkroom.sandbox.cloudformation.change_set import ChangeSet
from darkroom.sandbox.cloudformation.plan import Action, Change
from darkroom.sandbox.cloudformation.stack import Stack, StackEvent, StackResource
from darkroom.sandbox.cloudformation.template import Template


def stack(found: Stack) -> dict[str, Any]:
    """botocore's shape Stack (and StackSummary)."""
    return {
        "StackId": found.stack_id,
        "StackName": found.name,
        "Description": found.revision.template.description,
        "TemplateDescription": found.revision.template.description,
        "Parameters": _parameters(found.revision.template, found.resolved_parameters),
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.status_reason,
        "DisableRollback": found.disable_rollback,
        "NotificationARNs": found.notification_arns,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export_name,
            }
            for output in found.outputs
        ],
        "RoleARN": found.role_arn,
        "Tags": _tags(found.tags),
        "EnableTerminationProtection": found.termination_protection,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def resource(owner: Stack, found: StackResource) -> dict[str, Any]:
    """botocore's shapes StackResource, StackResourceDetail and StackResourceSummary in one."""
    return {
        "StackName": owner.name,
        "StackId": owner.stack_id,
        "LogicalResourceId": found.template.logical_id,
        "PhysicalResourceId": found.resource.physical_id,
        "ResourceType": found.template.type_name,
        "Timestamp": found.updated,
        "LastUpdatedTimestamp": found.updated,
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def event(found: StackEvent) -> dict[str, Any]:
    """botocore's shape StackEvent."""
    return {
        "StackId": found.stack_id,
        "EventId": found.event_id,
        "StackName": found.stack_name,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type_name,
        "Timestamp": found.timestamp,
        "ResourceStatus": found.status,
        "ResourceStatusReason": found.reason,
    }


def change_set(found: ChangeSet) -> dict[str, Any]:
    """botocore's shape DescribeChangeSetOutput (and ChangeSetSummary)."""
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.change_set_id,
        "StackId": found.stack.stack_id,
        "StackName": found.stack.name,
        "Description": found.description,
        "Parameters": _parameters(found.revision.template, found.revision.parameters),
        "CreationTime": found.created,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": found.status_reason,
        "Tags": _tags(found.revision.tags),
        "Changes": [{"Type": "Resource", "ResourceChange": _change(change)} for change in found.changes],
    }


def template_summary(template: Template) -> dict[str, Any]:
    """botocore's shapes GetTemplateSummaryOutput and ValidateTemplateOutput in one."""
    return {
        "Description": template.description,
        "ResourceTypes": sorted({entry.type_name for entry in template.resources.values()}),
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": rule.get("Default"),
                "ParameterType": rule.get("Type", "String"),
                "NoEcho": str(rule.get("NoEcho", False)).lower() == "true",
                "Description": rule.get("Description"),
            }
            for name, rule in template.parameters.items()
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    replaced = change.action is Action.REPLACE
    return {
        # CloudFormation knows Add, Modify and Remove; a replacement is a way to modify.
        "Action": Action.MODIFY.value if replaced else change.action.value,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type_name,
        "Replacement": str(replaced) if replaced or change.action is Action.MODIFY else None,
        "Scope": [],
        "Details": [],
    }


def _parameters(template: Template, values: dict[str, Any]) -> list[dict[str, str]]:
    def shown(name: str, value: Any) -> str:
        if str(template.parameters.get(name, {}).get("NoEcho", False)).lower() == "true":
            return "****"
        return ",".join(value) if isinstance(value, list) else str(value)

    return [{"ParameterKey": name, "ParameterValue": shown(name, value)} for name, value in values.items()]


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
