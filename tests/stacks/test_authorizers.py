"""Who may ask, as the templates have it."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from darkroom.campaign.access import Api, Jwt
from darkroom.sandbox.api_gateway.openapi import read_document
from stacks.authorizers import API_KEY, IAM, Authorizer, authorizer
from stacks.openapi import openapi_document
from tests.lambda_functions.local_campaign import RULES
from tests.stacks.synthesized import Synth

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_AbCdEfGhI"
JWT = authorizer(Api(authorizer="jwt", jwt=Jwt(user_pool=POOL, scopes=("images/draw",))))
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:x/invocations"


def _document(by: Authorizer) -> dict[str, Any]:
    return openapi_document(title="demo", rules=RULES, integration_uri=URI, authorizer=by)


@pytest.mark.parametrize("by", [API_KEY, IAM, JWT], ids=lambda one: one.name)
def test_every_method_asks_for_its_caller_and_the_document_is_valid(by: Authorizer) -> None:
    document = _document(by)
    OpenAPIV30SpecValidator(document).validate()
    assert list(document["components"]["securitySchemes"]) == [by.name]
    for path in document["paths"].values():
        for method in path.values():
            assert method["security"] == [{by.name: list(by.scopes)}]
            assert {str(status) for status in by.statuses} <= method["responses"].keys()
    read_document(document)


@pytest.mark.parametrize("by", [API_KEY, IAM, JWT], ids=lambda one: one.name)
def test_what_the_edge_says_of_a_caller_is_a_problem_of_the_right_status(by: Authorizer) -> None:
    responses = _document(by)["x-amazon-apigateway-gateway-responses"]
    for kind, (status, _) in by.refusals.items():
        assert responses[kind]["statusCode"] == str(status)
    assert responses["WAF_FILTERED"]["statusCode"] == "403"


def test_tokens_are_verified_by_the_user_pool_with_the_scopes_of_the_file() -> None:
    scheme = _document(JWT)["components"]["securitySchemes"]["user_pool"]
    assert scheme["x-amazon-apigateway-authtype"] == "cognito_user_pools"
    assert scheme["x-amazon-apigateway-authorizer"]["providerARNs"] == [POOL]
    assert JWT.scopes == ("images/draw",)


@pytest.mark.parametrize(
    "api",
    [
        {"authorizer": "iam"},
        {"authorizer": "jwt", "jwt": {"user_pool": POOL}},
    ],
    ids=["iam", "jwt"],
)
def test_without_api_keys_there_is_no_plan_no_key_and_nothing_that_ends_them(
    synth: Synth, api: dict[str, Any]
) -> None:
    synthesized = synth("demo", api=api)
    template = synthesized.template("api")
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert not types & {"AWS::ApiGateway::ApiKey", "AWS::ApiGateway::UsagePlan", "Custom::ApiKeys"}
    assert template["Outputs"]["ApiAuthorizer"]["Value"] == api["authorizer"]
    assert "ApiKeyId" not in template["Outputs"]


def test_what_ends_keys_may_delete_those_of_the_campaign_alone(synth: Synth) -> None:
    role = synth("demo").named("api", "AWS::IAM::Role", "ApiKeys")
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (deleting,) = [each for each in statements if "apigateway:DELETE" in each["Action"]]
    assert deleting["Condition"] == {"StringEquals": {"aws:ResourceTag/darkroom:campaign": "demo"}}
    assert not [each for each in statements if "apigateway:POST" in each["Action"]]


@pytest.mark.parametrize(
    ("api", "logged"),
    [
        ({}, "$context.identity.apiKeyId"),
        ({"authorizer": "iam"}, "$context.identity.userArn"),
        ({"authorizer": "jwt", "jwt": {"user_pool": POOL}}, "$context.authorizer.claims.sub"),
    ],
    ids=["api-key", "iam", "jwt"],
)
def test_access_logs_name_the_caller_by_an_id(synth: Synth, api: dict[str, Any], logged: str) -> None:
    synthesized = synth("demo", api={"access_logs": True, **api})
    setting = synthesized.only("api", "AWS::ApiGateway::Stage")["AccessLogSetting"]
    assert logged in setting["Format"]
