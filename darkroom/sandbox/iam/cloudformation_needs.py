"""What CloudFormation's operations need of who calls them."""

from __future__ import annotations

from moto.cloudformation.exceptions import ValidationError

from darkroom.sandbox.cloudformation.backend import backend_of
from darkroom.sandbox.cloudformation.stack import Stack
from darkroom.sandbox.iam.call import Call, Need, passing

_DEPLOYING = frozenset({"CreateStack", "UpdateStack", "CreateChangeSet", "DeleteStack"})


def cloudformation_needs(call: Call) -> list[Need]:
    """The operation on its stack, and the role that CloudFormation acts in passed to it.

    That is the request's, or at an update the one that the stack was deployed in: one version of the user
    guide ("CloudFormation service role") wants iam:PassRole for the latter too, another does not.
    """
    given = str(call.parameters.get("StackName") or "")
    stack = _stack(call, given)
    arn = stack.stack_id if stack else given if given.startswith("arn:") else call.arn(f"stack/{given}/*")
    needed = [Need(f"cloudformation:{call.operation}", arn if given else "*")]
    if call.operation not in _DEPLOYING:
        return needed
    role = call.parameters.get("RoleARN")
    if call.operation == "UpdateStack" and stack is not None:
        role = role or stack.role_arn
        needed += _stored_parameters(call, stack)
    return [*needed, *passing(role, "cloudformation.amazonaws.com")]


def _stored_parameters(call: Call, stack: Stack) -> list[Need]:
    """Parameters of the SSM type are read on behalf of who updates the stack with its own template."""
    declared = stack.revision.template.parameters
    names = [
        str(stack.revision.parameters.get(name, rule.get("Default", "")))
        for name, rule in declared.items()
        if str(rule.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")
    ]
    return [Need("ssm:GetParameters", call.arn(f"parameter/{name.lstrip('/')}", "ssm")) for name in names]


def _stack(call: Call, given: str) -> Stack | None:
    try:
        return backend_of(call.account, call.region).find(given) if given else None
    except ValidationError:
        return None
