"""The endpoint: its bundle, its names, its role, and how it is updated."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.stacks.synthesized import Synth, Synthesized


@pytest.fixture(scope="module")
def demo(synth: Synth) -> Synthesized:
    return synth("demo")


def _model(synthesized: Synthesized) -> dict[str, Any]:
    return synthesized.only("inference", "AWS::SageMaker::Model")


def _config(synthesized: Synthesized) -> dict[str, Any]:
    return synthesized.only("inference", "AWS::SageMaker::EndpointConfig")


def test_a_local_bundle_is_published_under_the_prefix_that_the_model_reads(
    demo: Synthesized, resolve: Any
) -> None:
    bundle = resolve("demo").bundle
    source = _model(demo)["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source["S3DataType"] == "S3Prefix"
    assert source["CompressionType"] == "None"
    bucket, prefix = source["S3Uri"].removeprefix("s3://").split("/", 1)
    assert prefix == f"bundles/{bundle.digest}/"
    published = {}
    for asset in demo.asset_manifest("inference")["files"].values():
        (destination,) = asset["destinations"].values()
        if destination["objectKey"].startswith(prefix):
            assert destination["bucketName"] == bucket
            assert asset["source"]["packaging"] == "file"
            staged = demo.template_path("inference").parent / asset["source"]["path"]
            content = hashlib.sha256(staged.read_bytes()).hexdigest()
            published[destination["objectKey"].removeprefix(prefix)] = content
    assert published == dict(bundle.files)
    assert {"model/unet/config.json", "model/unet/config.txt", "model/LICENCE"} <= published.keys()


def test_cdk_gc_finds_every_published_file_in_the_template(demo: Synthesized) -> None:
    template = json.dumps(demo.template("inference"))
    for asset in demo.asset_manifest("inference")["files"].values():
        (destination,) = asset["destinations"].values()
        if destination["objectKey"].startswith("bundles/"):
            assert destination["objectKey"].split(".")[0] in template  # what cdk gc looks for


def test_a_bundle_in_s3_is_read_where_it_is_and_nothing_is_published(synth: Synth) -> None:
    synthesized = synth("newsletter")
    source = _model(synthesized)["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://example-model-bundles/sd21-512/2026-10-12/"
    assert len(synthesized.asset_manifest("inference")["files"]) == 1  # the template


def test_the_container_knows_workers_cores_program_and_time_out(synth: Synth) -> None:
    assert _model(synth("national-launch"))["PrimaryContainer"]["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "12",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1800",  # startup_timeout is 30m, invocation_timeout 5m
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "1800",
        "NEURON_RT_NUM_CORES": "2",
    }


def test_djl_serving_knows_its_devices_and_time_outs(synth: Synth) -> None:
    container = _model(synth("national-launch", endpoint={"container": "djl"}))["PrimaryContainer"]
    assert "djl-inference:0.30.0-neuronx-sdk2.20.1" in json.dumps(container["Image"])
    assert container["Environment"] == {
        # The first core of each of twelve chips: serving.properties gives a worker two.
        "SERVING_LOAD_ON_DEVICES": "nc0;nc2;nc4;nc6;nc8;nc10;nc12;nc14;nc16;nc18;nc20;nc22",
        "MODEL_LOADING_TIMEOUT": "1800",
        "PREDICT_TIMEOUT": "300",
    }


def test_the_endpoint_draws_as_many_pictures_at_once_as_it_has_workers(synth: Synth) -> None:
    client = _config(synth("national-launch"))["AsyncInferenceConfig"]["ClientConfig"]
    assert client == {"MaxConcurrentInvocationsPerInstance": 12}


def test_the_variant_has_the_neuron_ami_its_volume_and_its_time_outs(demo: Synthesized) -> None:
    (variant,) = _config(demo)["ProductionVariants"]
    assert variant["VariantName"] == "AllTraffic"
    assert variant["InstanceType"] == "ml.inf2.xlarge"
    assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-neuron-2"
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 600
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 300
    assert variant["VolumeSizeInGB"] == 32


def test_results_failures_and_notifications_go_where_the_seam_says(demo: Synthesized) -> None:
    output = _config(demo)["AsyncInferenceConfig"]["OutputConfig"]
    assert output["S3OutputPath"]["Fn::Join"][1][-1] == "/pictures/"
    assert output["S3FailurePath"]["Fn::Join"][1][-1] == "/failures/"
    assert output["KmsKeyId"]["Fn::ImportValue"].startswith("demo-data:")
    topics = output["NotificationConfig"]
    assert topics["SuccessTopic"]["Ref"].startswith("SuccessTopic")
    assert topics["ErrorTopic"]["Ref"].startswith("ErrorTopic")
    assert "IncludeInferenceResponseIn" not in topics


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"bundle": "s3://example-model-bundles/sd21-512/2026-12-24/"}},
        {"endpoint": {"volume_size": 64}},
        {"endpoint": {"instance_type": "ml.inf2.8xlarge"}},
        {"endpoint": {"startup_timeout": "25m"}},
    ],
)
def test_changed_content_makes_a_new_endpoint_config_of_the_same_endpoint(
    change: dict[str, Any], synth: Synth
) -> None:
    before, after = synth("newsletter"), synth("newsletter", **change)
    assert _config(before)["EndpointConfigName"] != _config(after)["EndpointConfigName"]
    name = before.only("inference", "AWS::SageMaker::Endpoint")["EndpointName"]
    assert after.only("inference", "AWS::SageMaker::Endpoint")["EndpointName"] == name == "newsletter"


def test_what_is_not_in_the_endpoint_config_does_not_rename_it(synth: Synth) -> None:
    before, after = synth("newsletter"), synth("newsletter", scaling={"target_utilization": 0.5})
    assert _config(before)["EndpointConfigName"] == _config(after)["EndpointConfigName"]


def test_an_update_rolls_and_keeps_the_instance_count(demo: Synthesized) -> None:
    endpoint = demo.only("inference", "AWS::SageMaker::Endpoint")
    assert endpoint["RetainAllVariantProperties"] is True
    policy = endpoint["DeploymentConfig"]["RollingUpdatePolicy"]
    assert policy["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 50}


def test_a_fleet_of_one_has_no_half_to_roll(synth: Synth) -> None:
    endpoint = synth("newsletter", scaling={"max_instances": 1}).only("inference", "AWS::SageMaker::Endpoint")
    assert "RollingUpdatePolicy" not in endpoint["DeploymentConfig"]
    policy = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
def test_an_update_may_take_longer_than_what_it_waits_for(synth: Synth, most: int) -> None:
    """SageMaker refuses a time-out that is not larger than the waiting times."""
    endpoint = synth("newsletter", scaling={"max_instances": most}).only(
        "inference", "AWS::SageMaker::Endpoint"
    )
    config = endpoint["DeploymentConfig"]
    policy = config.get("RollingUpdatePolicy") or config["BlueGreenUpdatePolicy"]
    waits = policy.get("WaitIntervalInSeconds", 0) * 3 + policy.get("TerminationWaitInSeconds", 0)
    assert waits < policy["MaximumExecutionTimeoutInSeconds"] <= 28800


def test_alarms_that_see_the_new_configuration_alone_take_an_update_back(demo: Synthesized) -> None:
    alarms = demo.resources("inference", "AWS::CloudWatch::Alarm")
    watching = {name: alarm["Properties"] for name, alarm in alarms.items() if name.startswith("Update")}
    endpoint = demo.only("inference", "AWS::SageMaker::Endpoint")
    assert endpoint["DeploymentConfig"]["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": {"Ref": name}} for name in watching]
    }
    assert {alarm["MetricName"] for alarm in watching.values()} == {
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ModelLatency",
    }
    for alarm in watching.values():
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        assert dimensions == {
            "EndpointName": "demo",
            "VariantName": "AllTraffic",
            "EndpointConfigName": {"Fn::GetAtt": ["EndpointConfig", "EndpointConfigName"]},
        }
        # Another configuration is another alarm: the old one is there for the way back.
        assert {"Fn::GetAtt": ["EndpointConfig", "EndpointConfigName"]} in alarm["AlarmName"]["Fn::Join"][1]
        assert alarm["TreatMissingData"] == "notBreaching"
        # It can go off while the update waits for it.
        policy = endpoint["DeploymentConfig"]["RollingUpdatePolicy"]
        assert alarm["Period"] * alarm["EvaluationPeriods"] < policy["WaitIntervalInSeconds"]


def test_a_bundle_under_any_key_of_the_region_is_decrypted_and_nothing_else_is(synth: Synth) -> None:
    role = synth("newsletter").only("inference", "AWS::IAM::Role")
    (statement,) = [
        each
        for each in role["Policies"][0]["PolicyDocument"]["Statement"]
        if "kms:ViaService" in json.dumps(each.get("Condition", {}))
    ]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", "arn:aws:kms:us-east-1:*:key/*")
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": {"Fn::Join": ["", ["s3.us-east-1.", {"Ref": "AWS::URLSuffix"}]]}},
        "StringLike": {
            "kms:EncryptionContext:aws:s3:arn": [
                "arn:aws:s3:::example-model-bundles",
                "arn:aws:s3:::example-model-bundles/sd21-512/2026-10-12/*",
            ]
        },
    }


def test_role_topics_and_topic_policies_exist_before_the_endpoint(demo: Synthesized) -> None:
    (endpoint,) = demo.resources("inference", "AWS::SageMaker::Endpoint").values()
    first = set(endpoint["DependsOn"])
    for type in ("AWS::IAM::Role", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"):
        assert set(demo.resources("inference", type)) <= first


def test_the_role_reaches_its_own_bundle_and_no_other(demo: Synthesized, resolve: Any) -> None:
    role = demo.only("inference", "AWS::IAM::Role")
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    digest = resolve("demo").bundle.digest
    text = json.dumps(statements)
    assert f"cdk-hnb659fds-assets-123456789012-us-east-1/bundles/{digest}/*" in text
    for statement in statements:
        if statement["Resource"] == "*":
            assert statement["Action"] in ("ecr:GetAuthorizationToken", "cloudwatch:PutMetricData")


def test_the_container_log_group_is_the_stacks_own(demo: Synthesized) -> None:
    (group,) = demo.resources("inference", "AWS::Logs::LogGroup").values()
    assert group["Properties"]["LogGroupName"] == "/aws/sagemaker/Endpoints/demo"
    assert group["DeletionPolicy"] == "Delete"
    role = json.dumps(demo.only("inference", "AWS::IAM::Role"))
    assert "logs:CreateLogGroup" not in role


def test_an_image_of_ones_own_is_used_and_may_be_pulled(synth: Synth) -> None:
    image = "222233334444.dkr.ecr.eu-west-1.amazonaws.com/team/serving:1"
    synthesized = synth("newsletter", endpoint={"image": image})
    assert _model(synthesized)["PrimaryContainer"]["Image"] == image
    role = json.dumps(synthesized.only("inference", "AWS::IAM::Role"))
    assert "arn:aws:ecr:eu-west-1:222233334444:repository/team/serving" in role
