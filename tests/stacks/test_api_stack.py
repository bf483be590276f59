"""The API at the edge and the functions behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from image_api.settings import from_environment

from tests.stacks.synthesized import Synth, Synthesized

FUNCTION = "AWS::Lambda::Function"


@pytest.fixture(scope="module")
def demo(synth: Synth) -> Synthesized:
    return synth("demo")


def _function(synthesized: Synthesized, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = synthesized.named("api", FUNCTION, name)["Properties"]
    return properties


def test_the_functions_read_their_settings_from_what_the_stack_gives_them(demo: Synthesized) -> None:
    for function in demo.resources("api", FUNCTION).values():
        if not function["Properties"]["Handler"].startswith("image_api."):
            continue
        variables = function["Properties"]["Environment"]["Variables"]
        settings = from_environment(
            {key: value if isinstance(value, str) else "ref" for key, value in variables.items()}
        )
        assert settings.campaign == settings.endpoint_name == "demo"
        assert settings.backend == "sagemaker-async"
        assert settings.cache_seconds == 86400
        assert settings.request_ttl_seconds == 1800
        assert settings.request_rules.steps.default == 8
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "ImageGenAPI"


@pytest.mark.parametrize("name", ["Front", "Completion", "Reconciliation"])
def test_functions_are_arm64_traced_and_log_to_a_group_that_goes_with_the_stack(
    name: str, demo: Synthesized
) -> None:
    function = _function(demo, name)
    assert function["Architectures"] == ["arm64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    group = demo.template("api")["Resources"][function["LoggingConfig"]["LogGroup"]["Ref"]]
    assert group["Properties"]["RetentionInDays"] == 30
    assert group["DeletionPolicy"] == "Delete"


def test_no_function_may_create_a_log_group_or_has_a_managed_policy(demo: Synthesized) -> None:
    for stack in ("api", "data"):
        for role in demo.resources(stack, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]
            assert "logs:CreateLogGroup" not in json.dumps(role)


def test_functions_invoked_asynchronously_have_a_dead_letter_queue(demo: Synthesized) -> None:
    (queue,) = demo.resources("api", "AWS::SQS::Queue")
    target = {"TargetArn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert _function(demo, "Completion")["DeadLetterConfig"] == target
    assert _function(demo, "Reconciliation")["DeadLetterConfig"] == target
    for subscription in demo.resources("api", "AWS::SNS::Subscription").values():
        assert subscription["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] == target["TargetArn"]
    rules = demo.resources("api", "AWS::Events::Rule").values()
    assert len(rules) == 2
    for rule in rules:
        (target_of_rule,) = rule["Properties"]["Targets"]
        assert target_of_rule["DeadLetterConfig"]["Arn"] == target["TargetArn"]


def test_sns_and_the_schedule_may_write_to_the_dead_letter_queue(demo: Synthesized) -> None:
    statements = demo.only("api", "AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    senders = {
        each["Principal"]["Service"]
        for each in statements
        if each["Effect"] == "Allow" and "Condition" in each
    }
    assert senders == {"sns.amazonaws.com", "events.amazonaws.com"}


def test_completion_hears_success_and_error(demo: Synthesized) -> None:
    subscriptions = demo.resources("api", "AWS::SNS::Subscription").values()
    topics = {each["Properties"]["TopicArn"]["Fn::ImportValue"] for each in subscriptions}
    assert len(topics) == 2
    assert all("Topic" in topic for topic in topics)


def test_one_reconciliation_a_minute_and_it_ends_before_the_next(demo: Synthesized) -> None:
    rule = demo.named("api", "AWS::Events::Rule", "EveryMinute")["Properties"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert _function(demo, "Reconciliation")["Timeout"] < 60


def test_a_new_account_with_ten_concurrent_executions_is_enough(demo: Synthesized) -> None:
    for stack in ("api", "data"):
        for function in demo.resources(stack, FUNCTION).values():
            assert "ReservedConcurrentExecutions" not in function["Properties"]


def test_the_front_end_reaches_its_own_endpoint_and_may_not_change_pictures(demo: Synthesized) -> None:
    role = demo.named("api", "AWS::IAM::Role", "Front")
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    actions = {
        action
        for each in statements
        for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
    }
    assert not {action for action in actions if "*" in action or "Delete" in action}
    (invoke,) = [each for each in statements if each["Action"] == "sagemaker:InvokeEndpointAsync"]
    assert invoke["Resource"] == "arn:aws:sagemaker:us-east-1:123456789012:endpoint/demo"


def test_the_stage_is_traced_measured_and_throttled(demo: Synthesized) -> None:
    stage = demo.only("api", "AWS::ApiGateway::Stage")
    (settings,) = stage["MethodSettings"]
    assert stage["TracingEnabled"] is True
    assert settings["MetricsEnabled"] is True
    assert settings["DataTraceEnabled"] is False
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (500, 1000)
    assert "AccessLogSetting" not in stage


def test_access_logs_are_written_where_the_campaign_asks_and_hold_no_body(synth: Synth) -> None:
    logged = synth("demo", api={"access_logs": True})
    setting = logged.only("api", "AWS::ApiGateway::Stage")["AccessLogSetting"]
    assert "body" not in setting["Format"].lower()
    (group,) = [
        each
        for each in logged.resources("api", "AWS::Logs::LogGroup").values()
        if each["Properties"]["LogGroupName"] == "/darkroom/demo/api"
    ]
    assert group["DeletionPolicy"] == "Delete"


def test_the_key_opens_the_stage_within_the_usage_plan(synth: Synth) -> None:
    launch = synth("national-launch")
    plan = launch.only("api", "AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"RateLimit": 300, "BurstLimit": 600}
    assert plan["Quota"] == {"Limit": 5_000_000, "Period": "DAY"}
    link = launch.only("api", "AWS::ApiGateway::UsagePlanKey")
    assert link["KeyId"]["Ref"] in launch.resources("api", "AWS::ApiGateway::ApiKey")


def test_the_outputs_name_the_key_but_never_show_it(demo: Synthesized) -> None:
    outputs = demo.template("api")["Outputs"]
    (key,) = demo.resources("api", "AWS::ApiGateway::ApiKey")
    assert outputs["ApiKeyId"]["Value"] == {"Ref": key}
    assert outputs["ApiUrl"]["Value"]["Fn::Join"][1][-1] == "/live/"
    assert "Value" not in demo.only("api", "AWS::ApiGateway::ApiKey")


def test_a_changed_api_makes_a_new_deployment_and_an_unchanged_one_does_not(synth: Synth) -> None:
    deployment = "AWS::ApiGateway::Deployment"
    before = set(synth("newsletter").resources("api", deployment))
    assert set(synth("newsletter", api={"burst": 30}).resources("api", deployment)) == before
    turbo = {"model": {"recipe": "sdxl-turbo", "steps": 1, "guidance_scale": 0.0}}
    assert set(synth("newsletter", **turbo).resources("api", deployment)) != before
