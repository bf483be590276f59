"""What calls of API Gateway's control plane need.

Service authorization reference, "Actions, resources, and condition keys for Amazon API Gateway Management":
an action is the HTTP method, a resource the path; an API key carries its tags as aws:ResourceTag.
"""

from __future__ import annotations

from typing import cast

from moto.apigateway.models import apigateway_backends

from darkroom.sandbox.iam.call import Call, Need, UnknownCallError

_METHODS = {
    "GetApiKey": "GET",
    "GetUsagePlanKeys": "GET",
    "DeleteApiKey": "DELETE",
    "UpdateApiKey": "PATCH",
}


def api_gateway_needs(call: Call) -> list[Need]:
    """The permission of a call about keys, with the tags of the key as condition keys.

    Raises:
        UnknownCallError: the call is not one of those above.
    """
    if call.operation not in _METHODS:
        raise UnknownCallError(
            f"IAM is enforced, and which permissions apigateway:{call.operation} needs is not known"
        )
    action, here = f"apigateway:{_METHODS[call.operation]}", f"arn:aws:apigateway:{call.region}::"
    if call.operation == "GetUsagePlanKeys":
        return [Need(action, f"{here}/usageplans/{call.parameter('usagePlanId')}/keys")]
    key_id = call.parameter("apiKey")
    key = apigateway_backends[call.account][call.region].keys.get(key_id)
    # moto says that it is a list, and keeps the mapping that the API has.
    tags = cast("dict[str, str]", (key.tags if key else None) or {})
    carried = {f"aws:ResourceTag/{name}": value for name, value in tags.items()}
    return [Need(action, f"{here}/apikeys/{key_id}", carried)]
