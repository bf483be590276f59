"""The build stack: what its machine does, what its roles may do, and what it changes in the other stacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.build_jobs import CAPACITY_ROUNDS, JobSpec, Place, job_states
from stacks.stack_updates import PARAMETERS
from tests.stacks.synthesized import Synth, Synthesized

BUILD = {"compiler": "cpu", "sources": ["s3://weights/tiny/"], "fine_tune": {"instance_type": "ml.g5.xlarge"}}


@pytest.fixture
def built(synth: Synth) -> Synthesized:
    """The demo without a bundle of its own."""
    return synth("demo", model={"bundle": None}, build=BUILD)


@pytest.fixture
def begun(synth: Synth) -> Synthesized:
    """The demo, with its bundle until the first build; builds don't fine-tune."""
    return synth("demo", build={"instance_type": "ml.trn1.2xlarge"})


def _text(value: Any) -> str:
    """A template's string, its references as <names>."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(_text(part) for part in parts)
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    (only,) = value.values()
    return f"<{only}>"


def _definition(synthesized: Synthesized) -> dict[str, Any]:
    machine = synthesized.only("build", "AWS::StepFunctions::StateMachine")
    read: dict[str, Any] = json.loads(_text(machine["DefinitionString"]))
    return read


def _levels(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The state machine, and those in its Map states."""
    yield definition
    for state in definition["States"].values():
        if state["Type"] == "Map":
            yield from _levels(state["ItemProcessor"])


def _targets(state: dict[str, Any]) -> set[str]:
    edges = [state, *state.get("Catch", []), *state.get("Choices", [])]
    return {edge["Next"] for edge in edges if "Next" in edge} | {
        state[key] for key in ("Default",) if key in state
    }


@pytest.mark.parametrize("name", ["built", "begun"])
def test_every_state_is_reached_and_every_path_ends(name: str, request: pytest.FixtureRequest) -> None:
    for level in _levels(_definition(request.getfixturevalue(name))):
        states = level["States"]
        reached, ahead = set(), {level["StartAt"]}
        while ahead:
            state = ahead.pop()
            reached.add(state)
            ahead |= _targets(states[state]) - reached
        assert reached == states.keys()
        for state in states.values():
            ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
            assert ends or _targets(state)


def test_every_task_times_out_is_tried_again_and_leads_somewhere_when_it_fails(built: Synthesized) -> None:
    definition = _definition(built)
    assert definition["TimeoutSeconds"] > 0
    tasks = [
        (name, state)
        for level in _levels(definition)
        for name, state in level["States"].items()
        if state["Type"] == "Task"
    ]
    assert len(tasks) >= 12
    for name, state in tasks:
        assert 0 < state["TimeoutSeconds"] < definition["TimeoutSeconds"], name
        # A stack's update is refused for reasons that a Choice tells apart; a Map catches what looks fail at.
        assert state.get("Retry") or name == "Update", name
        assert state.get("Catch") or name == "Look", name


def test_whatever_fails_is_told_and_after_the_pointer_moved_is_put_back_first(built: Synthesized) -> None:
    states = _definition(built)["States"]
    for name in ("FineTune", "Compile", "Publish"):
        assert states[f"{name}: what failed"]["Default"] == "Explain"
    for name in ("Point", "Serve"):
        assert [catch["Next"] for catch in states[name]["Catch"]] == ["Put back"]
    assert states["Put back"]["Next"] == "Serve as before"
    assert states["Serve as before"]["Next"] == "Explain"
    assert states["Explain"]["Next"] == "Tell of the failure"
    assert states["Tell of the failure"]["Next"] == "Failed"


def test_what_a_call_answers_never_takes_the_place_of_what_the_machine_knows(built: Synthesized) -> None:
    for level in _levels(_definition(built)):
        for name, state in level["States"].items():
            if state["Type"] in ("Task", "Map"):
                assert state.get("ResultPath", "$") != "$", name


def test_a_job_is_tried_again_for_throttling_and_for_capacity_only(built: Synthesized) -> None:
    states = _definition(built)["States"]
    (retry,) = states["Compile"]["Retry"]
    assert retry["ErrorEquals"] == [
        "SageMaker.ResourceLimitExceededException",
        "SageMaker.AmazonSageMakerException",
    ]
    assert retry["BackoffRate"] > 1
    (again,) = states["Compile: what failed"]["Choices"]
    patterns = [rule["StringMatches"] for rule in again["And"] if "StringMatches" in rule]
    assert patterns == ["*CapacityError*"]


def test_the_longest_campaign_name_makes_a_job_name_that_sagemaker_takes() -> None:
    place = Place("a" * 50, "aws", "bucket", "arn:aws:kms:us-east-1:123456789012:key/k", "s3://code/1/")
    job = JobSpec("Compile", "compile", "image", "role", "ml.m5.xlarge", 10, 60, [], {})
    task = job_states(job, place, then="Publish", failed="Explain")["Compile"]
    pattern = re.match(r"States\.Format\('([^']+)'", task["Parameters"]["TrainingJobName.$"])
    assert pattern is not None
    most_tries = task["Retry"][0]["MaxAttempts"]
    name = pattern[1].replace("{}", "12345678", 1).replace("{}", str(CAPACITY_ROUNDS - 1), 1)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name.replace("{}", str(most_tries)))


def test_a_job_runs_the_projects_code_from_its_channel(built: Synthesized) -> None:
    job = _definition(built)["States"]["FineTune"]["Parameters"]
    assert job["AlgorithmSpecification"]["ContainerEntrypoint"][-1].endswith("/code/model_build/job.py")
    channels = {one["ChannelName"]: one["DataSource"]["S3DataSource"] for one in job["InputDataConfig"]}
    assert channels.keys() == {"code", "source", "pictures"}
    prefix = channels["code"]["S3Uri"].partition("/code/")[2]
    published = json.dumps(built.asset_manifest("build"))
    for path in ("model_build/job.py", "neuron_build/cli.py", "model_artifacts/recipes/tiny-sdxl.json"):
        assert f"code/{prefix}{path}" in published
    assert "__pycache__" not in published


def test_a_volume_is_encrypted_with_the_campaigns_key_where_sagemaker_takes_one(
    built: Synthesized, begun: Synthesized
) -> None:
    states = _definition(built)["States"]
    assert "VolumeKmsKeyId" in states["Compile"]["Parameters"]["ResourceConfig"]
    assert "VolumeKmsKeyId" not in states["FineTune"]["Parameters"]["ResourceConfig"]
    assert "VolumeKmsKeyId" not in _definition(begun)["States"]["Compile"]["Parameters"]["ResourceConfig"]


def test_without_fine_tuning_there_is_no_such_state_and_pictures_are_refused(begun: Synthesized) -> None:
    states = _definition(begun)["States"]
    assert "FineTune" not in states
    assert states["No fine-tuning"]["Next"] == "Explain"


def _statements(synthesized: Synthesized, role: str) -> dict[str, list[str]]:
    """Resources by action."""
    policies = synthesized.named("build", "AWS::IAM::Role", role)["Properties"]["Policies"]
    found: dict[str, list[str]] = {}
    for statement in policies[0]["PolicyDocument"]["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            named = resources if isinstance(resources, list) else [resources]
            found.setdefault(action, []).extend(_text(one).rsplit(":::", 1)[-1] for one in named)
    return found


def test_the_machine_may_do_what_it_does_on_what_it_does_it_to(built: Synthesized) -> None:
    may = _statements(built, "MachineRole")
    # The CDK knows the partition of a region that it is told.
    account = "arn:aws:{}:us-east-1:123456789012:{}".format
    assert may["cloudformation:UpdateStack"] == [
        account("cloudformation", f"stack/demo-{stack}/*") for stack in ("api", "inference")
    ]
    assert may["ssm:PutParameter"] == [account("ssm", "parameter/darkroom/demo/bundle")]
    assert may["sagemaker:CreateTrainingJob"] == [account("sagemaker", "training-job/demo-*")]
    assert any("cfn-exec-role" in role for role in may["iam:PassRole"])
    assert len(may["iam:PassRole"]) == 3
    everywhere = {action for action, resources in may.items() if "*" in resources}
    assert {action.partition(":")[0] for action in everywhere} == {"logs", "xray"}
    assert not {"s3:PutObject", "sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"} & may.keys()


def test_what_compiles_cant_write_where_bundles_are_served_from(built: Synthesized) -> None:
    building = _statements(built, "BuildingRole")
    publishing = _statements(built, "PublishingRole")
    assert {resource.split("/")[-2] for resource in building["s3:PutObject"]} == {"builds"}
    assert {resource.split("/")[-2] for resource in publishing["s3:PutObject"]} == {
        "builds",
        "results",
        "bundles",
    }
    assert any(resource.startswith("weights/tiny/") for resource in building["s3:GetObject"])
    assert not any(resource.startswith("weights/") for resource in publishing["s3:GetObject"])
    assert not {"ssm:PutParameter", "cloudformation:UpdateStack"} & (building.keys() | publishing.keys())


def test_the_machine_logs_encrypted_and_is_traced(built: Synthesized) -> None:
    machine = built.only("build", "AWS::StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert "KmsKeyId" in built.only("build", "AWS::Logs::LogGroup")
    key = built.only("data", "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert any("logs.us-east-1" in json.dumps(statement["Principal"]) for statement in key)


def test_the_stacks_that_serve_read_what_is_served_from_the_parameter(built: Synthesized) -> None:
    for stack in ("inference", "api"):
        parameters = built.template(stack)["Parameters"]
        assert parameters.keys() == set(PARAMETERS)
        assert parameters["ServedBundle"]["Type"] == "AWS::SSM::Parameter::Value<String>"
        assert parameters["ServedBundle"]["Default"] == "/darkroom/demo/bundle"
    assert built.only("data", "AWS::SSM::Parameter")["Value"] == "none"


def test_without_a_bundle_the_endpoint_and_its_scaling_come_with_the_first_build(built: Synthesized) -> None:
    resources = built.template("inference")["Resources"]
    conditional = {each["Type"] for each in resources.values() if each.get("Condition") == "BundleIsBuilt"}
    assert conditional == {
        "AWS::SageMaker::Model",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Endpoint",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
    }
    model = built.only("inference", "AWS::SageMaker::Model")
    assert model["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"] == {"Ref": "ServedBundle"}
    assert "ModelName" not in model
    assert "EndpointConfigName" not in built.only("inference", "AWS::SageMaker::EndpointConfig")


def test_a_bundle_of_the_campaigns_own_is_served_until_a_build_has_published_one(begun: Synthesized) -> None:
    model = begun.named("inference", "AWS::SageMaker::Model", "Model")
    assert "Condition" not in model
    uri = model["Properties"]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"]
    condition, then, otherwise = uri["Fn::If"]
    assert (condition, then) == ("BundleIsBuilt", {"Ref": "ServedBundle"})
    assert "/bundles/" in _text(otherwise)


def test_a_new_bundle_is_another_model_to_the_functions(built: Synthesized, begun: Synthesized) -> None:
    for synthesized in (built, begun):
        functions = synthesized.resources("api", "AWS::Lambda::Function").values()
        variables = [each["Properties"]["Environment"]["Variables"] for each in functions]
        ids = [each["MODEL_ID"] for each in variables if "JOBS_TABLE" in each]
        assert len(ids) == 3
        for model_id in ids:
            condition, then, otherwise = model_id["Fn::If"]
            assert condition == "BundleIsBuilt"
            assert _text(then) == "tiny-sdxl@<ServedBundle>"
            assert otherwise.startswith("tiny-sdxl@")


def test_a_campaign_that_does_not_build_has_nothing_of_it(synth: Synth) -> None:
    plain = synth("demo")
    assert "build" not in plain.stacks
    assert not plain.resources("data", "AWS::SSM::Parameter")
    assert "ServedBundle" not in plain.template("api")["Parameters"]


def test_kept_data_keeps_the_bundles(synth: Synth) -> None:
    kept = synth("demo", retention="keep", build=BUILD)
    assert kept.named("data", "AWS::S3::Bucket", "Bundles")["DeletionPolicy"] == "Retain"
