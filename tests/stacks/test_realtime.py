"""A realtime campaign's templates: called and not queued by SageMaker, scaled on invocations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from image_api.settings import from_environment

from darkroom.autoscaling.template import read_template
from stacks.realtime_requests import drawing_concurrency, queue_environment
from tests.stacks.synthesized import Synth, Synthesized


@pytest.fixture(scope="module")
def shop(synth: Synth) -> Synthesized:
    return synth("storefront")


def _function(synthesized: Synthesized, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = synthesized.named("api", "AWS::Lambda::Function", name)["Properties"]
    return properties


def _actions(synthesized: Synthesized, role: str) -> set[str]:
    statements = synthesized.named("api", "AWS::IAM::Role", role)["Properties"]["Policies"][0]
    found: set[str] = set()
    for statement in statements["PolicyDocument"]["Statement"]:
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else set(action)
    return found


def test_the_endpoint_has_no_queue_no_topics_and_routes_to_who_is_least_busy(shop: Synthesized) -> None:
    config = shop.only("inference", "AWS::SageMaker::EndpointConfig")
    assert "AsyncInferenceConfig" not in config
    (variant,) = config["ProductionVariants"]
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert variant["InitialInstanceCount"] == 1
    assert not shop.resources("inference", "AWS::SNS::Topic")
    assert "SuccessTopicArn" not in shop.template("inference")["Outputs"]


def test_its_role_reads_and_writes_nothing_of_a_request(shop: Synthesized) -> None:
    role = json.dumps(shop.only("inference", "AWS::IAM::Role"))
    assert "sns:Publish" not in role
    assert "s3:PutObject" not in role
    assert "payloads" not in role


def test_one_policy_tracks_invocations_per_instance(shop: Synthesized, resolve: Any) -> None:
    (policy,) = shop.resources("inference", "AWS::ApplicationAutoScaling::ScalingPolicy").values()
    tracking = policy["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    campaign = resolve("storefront")
    # Two workers, 3.11 s for four steps, one step: 154.3 pictures a minute, three quarters planned with.
    drawn = campaign.workers_per_instance * 60 / campaign.seconds_per_image
    assert tracking["TargetValue"] == pytest.approx(0.75 * drawn, rel=1e-5)
    assert tracking["TargetValue"] == pytest.approx(115.756, rel=1e-4)
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    # Target tracking makes its own alarms; those of the stack take updates back.
    alarms = shop.resources("inference", "AWS::CloudWatch::Alarm")
    assert [id for id in alarms if not id.startswith("Update")] == []


def test_what_scales_it_can_be_played(shop: Synthesized) -> None:
    (target,) = read_template(shop.template("inference"))
    assert (target.limits.minimum, target.limits.maximum) == (1, 4)
    assert [action.name for action in target.scheduled_actions] == ["shop-opens", "shop-closes"]
    (resource,) = target.policies
    (query,) = resource.policy.queries  # type: ignore[union-attr]
    assert query.stat is not None
    assert (query.stat.name, query.stat.stat) == ("InvocationsPerInstance", "Sum")
    assert query.stat.dimensions == (("EndpointName", "storefront"), ("VariantName", "AllTraffic"))


def test_there_is_a_drawing_function_in_place_of_completion(shop: Synthesized) -> None:
    ids = list(shop.resources("api", "AWS::Lambda::Function"))
    assert not [name for name in ids if name.startswith("Completion")]
    assert _function(shop, "Drawing")["Handler"] == "image_api.drawing.handler"
    for function in shop.resources("api", "AWS::Lambda::Function").values():
        variables = function["Properties"]["Environment"]["Variables"]
        if not function["Properties"]["Handler"].startswith("image_api."):
            continue
        settings = from_environment(
            {key: value if isinstance(value, str) else "ref" for key, value in variables.items()}
        )
        assert settings.is_realtime
        assert settings.invocation_timeout_seconds == 60


def test_the_mapping_hands_over_one_note_at_a_time_within_bounds(shop: Synthesized, resolve: Any) -> None:
    mapping = shop.only("api", "AWS::Lambda::EventSourceMapping")
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # Four instances of two workers, and the next picture ready at each.
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 12}
    assert drawing_concurrency(resolve("storefront")) == 12
    assert "ReservedConcurrentExecutions" not in _function(shop, "Drawing")


def test_the_queue_outlasts_the_function_and_forgets_with_the_request(shop: Synthesized) -> None:
    queue = shop.named("api", "AWS::SQS::Queue", "Drawings")["Properties"]
    assert queue["VisibilityTimeout"] == 6 * _function(shop, "Drawing")["Timeout"]
    assert queue["MessageRetentionPeriod"] == 600


def test_the_container_queues_what_it_draws_within_the_time_out(resolve: Any, shop: Synthesized) -> None:
    environment = shop.only("inference", "AWS::SageMaker::Model")["PrimaryContainer"]["Environment"]
    # 0.7775 s a picture: 77 rounds in 60 s, of which one is at work already, of two workers.
    assert environment["MMS_JOB_QUEUE_SIZE"] == environment["TS_JOB_QUEUE_SIZE"] == "152"
    slow = resolve("storefront", scaling={"seconds_per_image": 45.0})
    assert queue_environment(slow)["MMS_JOB_QUEUE_SIZE"] == "1"
    assert queue_environment(resolve("demo")) == {}


def test_each_function_may_do_its_part_and_no_more(shop: Synthesized) -> None:
    assert "sagemaker:InvokeEndpoint" in _actions(shop, "Drawing")
    for role in ("Front", "Reconciliation"):
        actions = _actions(shop, role)
        assert not {action for action in actions if action.startswith("sagemaker:")}
        assert {action for action in actions if action.startswith("sqs:")} >= {"sqs:SendMessage"}
        assert "s3:PutObject" not in actions
    assert "sqs:ReceiveMessage" not in _actions(shop, "Front")


def test_what_wakes_somebody_and_is_drawn_is_there_for_a_realtime_endpoint(shop: Synthesized) -> None:
    alarms = [each["Properties"] for each in shop.resources("monitoring", "AWS::CloudWatch::Alarm").values()]
    assert {alarm["MetricName"] for alarm in alarms} == {
        "JobsFailed",
        "Invocation5XXErrors",
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "ModelLatency",
        "5XXError",
        "Paused",
    }
    body = json.dumps(shop.only("monitoring", "AWS::CloudWatch::Dashboard"))
    assert "InvocationsPerInstance" in body
    assert "ApproximateBacklogSize" not in body
    assert "HasBacklogWithoutCapacity" not in body
