"""AWS::StepFunctions::StateMachine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom.sandbox import iam
from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.sagemaker.validation import violations
from darkroom.sandbox.step_functions import execution_role

# What CreateStateMachine and UpdateStateMachine share, by the template's names.
_SETTINGS = {
    "DefinitionString": "definition",
    "LoggingConfiguration": "loggingConfiguration",
    "RoleArn": "roleArn",
    "TracingConfiguration": "tracingConfiguration",
}


class StateMachine(ResourceHandler):
    """A state machine; ``Ref`` is its ARN."""

    type_name = "AWS::StepFunctions::StateMachine"
    properties = frozenset({*_SETTINGS, "StateMachineName", "StateMachineType", "Tags"})

    def create(self, request: HandlerRequest) -> Resource:
        given = request.properties
        asked = {
            "name": given.get("StateMachineName") or request.default_name(80),
            "type": given.get("StateMachineType", "STANDARD"),
            "tags": [{"key": tag["Key"], "value": tag["Value"]} for tag in given.get("Tags", [])],
            **_settings(given),
        }
        if wrong := violations("stepfunctions", "CreateStateMachine", asked):
            raise ValueError(wrong)
        _require(request)
        arn = request.client("stepfunctions").create_state_machine(**asked)["stateMachineArn"]
        return _resource(arn)

    def update(self, request: HandlerRequest) -> Resource:
        arn, states = request.physical_id, request.client("stepfunctions")
        _require(request)
        states.update_state_machine(stateMachineArn=arn, **_settings(request.properties))
        if request.changed("Tags"):
            old = [tag["Key"] for tag in request.previous_properties.get("Tags", [])]
            new = [{"key": tag["Key"], "value": tag["Value"]} for tag in request.properties.get("Tags", [])]
            states.untag_resource(resourceArn=arn, tagKeys=old)
            states.tag_resource(resourceArn=arn, tags=new)
        return _resource(arn)

    def delete(self, request: HandlerRequest) -> None:
        request.client("stepfunctions").delete_state_machine(stateMachineArn=request.physical_id)


def _require(request: HandlerRequest) -> None:
    """What Step Functions tries of the machine's role when it is made or changed."""
    given = request.properties
    needed = execution_role.needs_of_machine(given, request.account_id, request.region)
    iam.require(given["RoleArn"], needed, session="StepFunctions")


def _settings(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: _camel(properties[name]) for name, ours in _SETTINGS.items() if name in properties}


def _camel(value: Any) -> Any:
    """The template's ``LogGroupArn`` as the API's ``logGroupArn``."""
    if isinstance(value, Mapping):
        return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


def _resource(arn: str) -> Resource:
    return Resource(arn, {"Arn": arn, "Name": arn.rsplit(":", 1)[-1]})
