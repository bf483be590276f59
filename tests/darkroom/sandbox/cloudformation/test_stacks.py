"""Stacks are created, changed, rolled back and deleted as CloudFormation does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from darkroom.sandbox.process import SandboxProcess

Client = Callable[[str], Any]


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}


def topic(name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name} if name else {}, **more}


# A policy for a bucket that does not exist: CloudFormation learns it only when it tries.
IMPOSSIBLE = {
    "Type": "AWS::S3::BucketPolicy",
    "Properties": {"Bucket": "no-such-bucket-here", "PolicyDocument": {"Statement": []}},
}


def resources_of(sandbox: SandboxProcess, name: str) -> list[str]:
    return [entry["type"] for entry in sandbox.resources() if entry["stack"] == name]


def test_resources_are_made_after_what_they_refer_to(stack: Any) -> None:
    status = stack.deploy(
        {
            "First": parameter(
                {"Fn::Sub": "topic ${Second.TopicName} in ${AWS::Region}"}, DependsOn=["Third"]
            ),
            "Second": topic(),
            "Third": parameter("x"),
        },
        Outputs={"Value": {"Value": {"Fn::GetAtt": ["First", "Value"]}}},
    )
    assert status == "CREATE_COMPLETE"
    done = [name for name, state in stack.events() if state == "CREATE_COMPLETE"]
    assert done == ["Second", "Third", "First", stack.name]
    assert stack.outputs()["Value"].endswith("in us-east-1")
    assert stack.outputs()["Value"].startswith(f"topic {stack.name}-Second-")


def test_a_change_set_without_changes_says_so_as_aws_does(stack: Any) -> None:
    stack.deploy({"P": parameter("x")})
    proposed = stack.propose({"P": parameter("x")}, kind="UPDATE")
    assert proposed["Status"] == "FAILED"
    assert proposed["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_a_changed_value_changes_what_refers_to_it_and_nothing_else(stack: Any, client: Client) -> None:
    def template(name: str) -> dict[str, Any]:
        return {"T": topic(name), "Other": topic("other-topic"), "P": parameter({"Ref": "T"})}

    stack.deploy(template("first-topic"))
    before = len(stack.events())
    proposed = stack.propose(template("second-topic"), kind="UPDATE")
    actions = {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]["Replacement"]
        for change in proposed["Changes"]
    }
    assert actions == {"T": "True", "P": "False"}
    assert stack.deploy(template("second-topic")) == "UPDATE_COMPLETE"
    assert "Other" not in [name for name, _ in stack.events()[before:]]
    value = client("ssm").get_parameter(Name=stack.physical_id("P"))["Parameter"]["Value"]
    assert value.endswith(":second-topic")


def test_the_replaced_resource_is_deleted_only_when_the_new_one_works(stack: Any, client: Client) -> None:
    stack.deploy({"T": topic("old-one"), "P": parameter({"Ref": "T"})})
    stack.deploy({"T": topic("new-one"), "P": parameter({"Ref": "T"})})
    events = stack.events()
    assert events.index(("P", "UPDATE_COMPLETE")) < events.index(("T", "DELETE_IN_PROGRESS"))
    arns = " ".join(found["TopicArn"] for found in client("sns").list_topics()["Topics"])
    assert "new-one" in arns
    assert "old-one" not in arns


def test_a_replaced_resource_stays_where_the_policy_says_retain(stack: Any, client: Client) -> None:
    stack.deploy({"T": topic("kept-one", UpdateReplacePolicy="Retain")})
    kept = stack.physical_id("T")
    stack.deploy({"T": topic("next-one")})
    client("sns").get_topic_attributes(TopicArn=kept)
    client("sns").delete_topic(TopicArn=kept)


def test_a_failed_creation_takes_everything_back_and_says_why(stack: Any, local_aws: SandboxProcess) -> None:
    status = stack.deploy(
        {"T": topic(), "P": parameter({"Ref": "T"}), "Bad": {**IMPOSSIBLE, "DependsOn": "P"}}
    )
    assert status == "ROLLBACK_COMPLETE"
    assert "NoSuchBucket" in stack.reasons()
    assert ("Bad", "CREATE_FAILED") in stack.events()
    assert resources_of(local_aws, stack.name) == []
    assert not [entry for entry in local_aws.resources() if stack.name in str(entry["id"])]


def test_a_failed_update_restores_what_was(stack: Any, client: Client) -> None:
    stack.deploy({"P": parameter("before"), "T": topic("stays")})
    status = stack.deploy(
        {
            "P": parameter("after"),
            "T": topic("replaces-it"),
            "New": topic("brand-new"),
            "Bad": {**IMPOSSIBLE, "DependsOn": ["P", "T", "New"]},
        }
    )
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert client("ssm").get_parameter(Name=stack.physical_id("P"))["Parameter"]["Value"] == "before"
    arns = " ".join(found["TopicArn"] for found in client("sns").list_topics()["Topics"])
    assert "stays" in arns
    assert "replaces-it" not in arns
    assert "brand-new" not in arns
    # And what failed can be put right afterwards.
    assert stack.deploy({"P": parameter("after"), "T": topic("stays")}) == "UPDATE_COMPLETE"


@pytest.mark.parametrize("type_name", ["AWS::EKS::Nodegroup", "AWS::EC2::NatGateway"])
def test_a_type_that_the_sandbox_does_not_play_fails_the_stack_by_name(
    stack: Any, local_aws: SandboxProcess, type_name: str
) -> None:
    """Also one that moto would keep a record of: nothing would run in such a network."""
    status = stack.deploy({"T": topic(), "C": {"Type": type_name, "Properties": {}}})
    assert status == "ROLLBACK_COMPLETE"
    assert f"does not play the resource type {type_name}" in stack.reasons()
    assert resources_of(local_aws, stack.name) == []


def test_a_type_that_aws_does_not_have_is_refused_at_once(stack: Any) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \['AWS::S3::Bukket'\]"):
        stack.deploy({"B": {"Type": "AWS::S3::Bukket"}})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ReplicationConfiguration", "does not play the property ReplicationConfiguration"),
        ("Replication", "Encountered unsupported property Replication"),
    ],
)
def test_a_property_that_nothing_would_read_fails_the_resource_by_name(
    stack: Any, name: str, reason: str
) -> None:
    status = stack.deploy({"B": {"Type": "AWS::S3::Bucket", "Properties": {name: {}}}})
    assert status == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons()


def test_deleting_goes_backwards_and_leaves_what_is_to_be_kept(
    stack: Any, client: Client, local_aws: SandboxProcess
) -> None:
    stack.deploy({"T": topic("kept", DeletionPolicy="Retain"), "P": parameter({"Ref": "T"})})
    assert stack.delete() == "DELETE_COMPLETE"
    events = stack.events()
    assert events.index(("P", "DELETE_COMPLETE")) < events.index(("T", "DELETE_SKIPPED"))
    left = [entry for entry in local_aws.resources() if str(entry["id"]).endswith(":kept")]
    assert left == [{"type": "AWS::SNS::Topic", "id": left[0]["id"], "stack": None}]
    client("sns").delete_topic(TopicArn=left[0]["id"])


def test_a_bucket_with_something_in_it_is_not_deleted(stack: Any, client: Client) -> None:
    stack.deploy({"B": {"Type": "AWS::S3::Bucket"}})
    bucket, s3 = stack.physical_id("B"), client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert stack.delete() == "DELETE_FAILED"
    assert "BucketNotEmpty" in stack.reasons()
    s3.delete_object(Bucket=bucket, Key="k")
    assert stack.delete() == "DELETE_COMPLETE"


def test_describing_a_deleted_stack_makes_nothing(stack: Any, local_aws: SandboxProcess) -> None:
    """moto makes a stack's bucket again when its outputs are asked for after the deletion."""
    outputs = {"Name": {"Value": {"Ref": "B"}, "Export": {"Name": "deleted-bucket"}}}
    before = local_aws.resources()
    stack.deploy({"B": {"Type": "AWS::S3::Bucket"}}, Outputs=outputs)
    stack.delete()
    assert stack.described()["StackStatus"] == "DELETE_COMPLETE"
    assert local_aws.resources() == before


def test_an_export_is_imported_and_kept_while_it_is_in_use(
    new_stack: Callable[[], Any], client: Client
) -> None:
    producer, consumer = new_stack(), new_stack()
    producer.deploy(
        {"T": topic("exported")},
        Outputs={"Arn": {"Value": {"Ref": "T"}, "Export": {"Name": "the-topic"}}},
    )
    consumer.deploy({"P": parameter({"Fn::ImportValue": "the-topic"})})
    value = client("ssm").get_parameter(Name=consumer.physical_id("P"))["Parameter"]["Value"]
    assert value.endswith(":exported")
    assert producer.delete() == "DELETE_FAILED"
    assert consumer.name in producer.described()["StackStatusReason"]
    assert consumer.delete() == "DELETE_COMPLETE"
    assert producer.delete() == "DELETE_COMPLETE"


def test_an_import_that_nobody_exports_fails(stack: Any) -> None:
    with pytest.raises(ClientError, match="No export named nobodys found"):
        stack.deploy({"P": parameter({"Fn::ImportValue": "nobodys"})})


def test_outputs_that_name_an_api_are_urls_that_work_here(stack: Any, local_aws: SandboxProcess) -> None:
    url = {"Fn::Sub": "https://abc.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1/"}
    stack.deploy({"P": parameter("x")}, Outputs={"Url": {"Value": url}})
    assert stack.outputs()["Url"] == f"{local_aws.url}/execute-api/abc/v1/"


def test_a_circle_of_resources_is_refused(stack: Any) -> None:
    with pytest.raises(ClientError, match="Circular dependency"):
        stack.deploy({"A": parameter({"Ref": "B"}), "B": parameter({"Ref": "A"})})


def test_a_protected_stack_is_not_deleted(stack: Any) -> None:
    stack.deploy({"P": parameter("x")})
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection"):
        stack.delete()
    stack.api.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)


def test_create_stack_and_update_stack_do_what_change_sets_do(stack: Any) -> None:
    def body(value: str) -> str:
        return json.dumps({"Resources": {"P": parameter(value)}})

    stack.id = stack.api.create_stack(StackName=stack.name, TemplateBody=body("a"))["StackId"]
    assert stack.settled() == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stack.api.update_stack(StackName=stack.name, TemplateBody=body("a"))
    stack.api.update_stack(StackName=stack.name, TemplateBody=body("b"))
    assert stack.settled() == "UPDATE_COMPLETE"


def test_an_option_that_would_do_nothing_is_refused_by_name(stack: Any) -> None:
    with pytest.raises(ClientError, match="TimeoutInMinutes"):
        stack.api.create_stack(StackName=stack.name, TemplateBody="{}", TimeoutInMinutes=5)


def test_a_rolled_back_creation_is_not_updated(stack: Any) -> None:
    stack.deploy({"Bad": IMPOSSIBLE})
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stack.deploy({"P": parameter("x")})


def test_a_failure_that_may_stay_leaves_what_was_made(stack: Any) -> None:
    change_set = stack.propose({"T": topic(), "Bad": {**IMPOSSIBLE, "DependsOn": "T"}}, kind="CREATE")
    stack.api.execute_change_set(ChangeSetName=change_set["ChangeSetId"], DisableRollback=True)
    assert stack.settled() == "CREATE_FAILED"
    assert stack.physical_id("T")
