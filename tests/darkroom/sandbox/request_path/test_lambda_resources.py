"""Functions and permissions as templates say them."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime.function import require_permission
from darkroom.sandbox.lambda_runtime.lookup import find
from tests.darkroom.sandbox.request_path.conftest import ACCOUNT, REGION, Aws

ECHO = """
import os
def handler(event, context):
    return {"event": event, "pid": os.getpid(), "request": context.aws_request_id}
"""


def _function_properties(aws: Aws, source: str, **more: Any) -> dict[str, Any]:
    return {
        "Code": {"ZipFile": source},
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Role": aws.role(),
        **more,
    }


def test_a_template_updates_a_function_in_place_and_takes_back_what_it_no_longer_names(aws: Aws) -> None:
    source = "import os\ndef handler(e, c): return [os.environ.get('A'), c.memory_limit_in_mb]"
    before = _function_properties(
        aws, source, Environment={"Variables": {"A": "1"}}, MemorySize="256", Timeout=5
    )
    made = aws.create("AWS::Lambda::Function", before)
    assert aws.invoke(made.physical_id)[0] == ["1", "256"]
    after = _function_properties(aws, source)
    updated = aws.update("AWS::Lambda::Function", made, before, after)
    assert updated.physical_id == made.physical_id
    assert aws.invoke(made.physical_id)[0] == [None, "128"]
    assert updated.attributes["Arn"].endswith(f":function:{made.physical_id}")
    aws.delete("AWS::Lambda::Function", made, after)
    assert aws.client("lambda").list_functions()["Functions"] == []


def test_a_permission_can_be_given_and_taken(aws: Aws) -> None:
    arn = aws.function("guarded", ECHO)
    source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc/*/POST/v1/images"
    properties = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": arn,
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": source,
    }
    made = aws.create("AWS::Lambda::Permission", properties)
    function = find(arn)
    called = source.replace("*", "live")
    require_permission(function, "apigateway.amazonaws.com", called)
    for service, asked in (
        ("sns.amazonaws.com", called),
        ("apigateway.amazonaws.com", called.replace("POST", "GET")),
    ):
        with pytest.raises(AccessDeniedError, match="lambda:InvokeFunction"):
            require_permission(function, service, asked)
    aws.delete("AWS::Lambda::Permission", made, properties)
    with pytest.raises(AccessDeniedError):
        require_permission(function, "apigateway.amazonaws.com", called)
