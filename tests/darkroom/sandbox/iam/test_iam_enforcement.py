"""Roles at the sandbox's front door: held to their policies, resource by resource, in every protocol."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from darkroom.sandbox.process import REGION, SandboxProcess

ACCOUNT = "123456789012"
BUCKET, TABLE, QUEUE = "iam-things", "iam-jobs", "iam-notes"


class Role:
    """A role with a policy, and clients that act in it."""

    def __init__(self, sandbox: SandboxProcess, name: str, *statements: dict[str, Any]) -> None:
        self._sandbox = sandbox
        iam = sandbox.client("iam")
        trust = {"Version": "2012-10-17", "Statement": []}
        self.arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
        session = sandbox.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="test")
        self.credentials = session["Credentials"]

    def client(self, service: str, token: str | None = None) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._sandbox.url,
            region_name=REGION,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=token or self.credentials["SessionToken"],
            config=Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version="v4"
            )
            if service != "s3"
            else Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version="s3v4"
            ),
        )

    def exercised(self, action: str) -> list[dict[str, Any]]:
        found = self._sandbox.permissions()
        return [one for one in found if one["role"] == self.arn and one["action"] == action]


def allow(actions: str | list[str], resources: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


@pytest.fixture(scope="module")
def things(local_aws: SandboxProcess) -> Iterator[SandboxProcess]:
    s3, dynamodb = local_aws.client("s3"), local_aws.client("dynamodb")
    s3.create_bucket(Bucket=BUCKET)
    for key in ("pictures/a.png", "secrets/b.txt"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    queue = local_aws.client("sqs").create_queue(QueueName=QUEUE)["QueueUrl"]
    yield local_aws
    local_aws.client("sqs").delete_queue(QueueUrl=queue)
    dynamodb.delete_table(TableName=TABLE)
    for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_without_a_policy_every_protocol_answers_access_denied(things: SandboxProcess) -> None:
    role = Role(things, "nobody")
    queue = things.client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
    code, message = refused(role.client("s3").get_object, Bucket=BUCKET, Key="pictures/a.png")
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/nobody/test is not authorized to perform: s3:GetObject "
        f"on resource: arn:aws:s3:::{BUCKET}/pictures/a.png because no identity-based policy allows the "
        "s3:GetObject action"
    )
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
    code, message = refused(role.client("dynamodb").get_item, TableName=TABLE, Key={"id": {"S": "1"}})
    assert code == "AccessDeniedException"
    assert f"dynamodb:GetItem on resource: {table}" in message
    code, _ = refused(role.client("sqs").send_message, QueueUrl=queue, MessageBody="x")
    assert code.startswith("AccessDenied")
    code, _ = refused(role.client("sns").publish, TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:t", Message="x")
    assert code == "AccessDenied"
    invoke = role.client("sagemaker-runtime").invoke_endpoint
    code, message = refused(invoke, EndpointName="e", Body=b"{}")
    assert code.startswith("AccessDenied")
    assert "sagemaker:InvokeEndpoint on resource" in message
    code, _ = refused(role.client("ssm").get_parameter, Name="/a/b")
    assert code == "AccessDeniedException"
    code, _ = refused(role.client("cloudformation").describe_stacks, StackName="s")
    assert code == "AccessDenied"


def test_a_role_reaches_the_objects_it_was_given_and_no_others(things: SandboxProcess) -> None:
    role = Role(things, "reader", allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/pictures/*"))
    s3 = role.client("s3")
    assert s3.get_object(Bucket=BUCKET, Key="pictures/a.png")["Body"].read() == b"content"
    for key in ("secrets/b.txt", "pictures", "picturesque"):
        refused(s3.get_object, Bucket=BUCKET, Key=key)
    refused(s3.put_object, Bucket=BUCKET, Key="pictures/a.png", Body=b"mine")
    refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="pictures/")
    [entry] = role.exercised("s3:GetObject")[:1]
    assert (entry["pattern"], entry["allowed"], entry["count"]) == (
        f"arn:aws:s3:::{BUCKET}/pictures/*",
        True,
        1,
    )


def test_what_is_not_there_is_found_out_by_who_may_list_the_bucket_alone(things: SandboxProcess) -> None:
    reading = allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*")
    blind = Role(things, "blind", reading).client("s3")
    seeing = Role(things, "seeing", reading, allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")).client("s3")
    refused(blind.head_object, Bucket=BUCKET, Key="pictures/none.png")
    with pytest.raises(ClientError) as error:
        seeing.head_object(Bucket=BUCKET, Key="pictures/none.png")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_listing_is_held_to_its_prefix(things: SandboxProcess) -> None:
    below = {"StringLike": {"s3:prefix": "pictures/*"}}
    s3 = Role(things, "lister", allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", Condition=below)).client(
        "s3"
    )
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="pictures/")["KeyCount"] == 1
    refused(s3.list_objects_v2, Bucket=BUCKET, Prefix="secrets/")
    refused(s3.list_objects_v2, Bucket=BUCKET)


def test_deleting_many_needs_leave_for_each(things: SandboxProcess) -> None:
    things.client("s3").put_object(Bucket=BUCKET, Key="pictures/old.png", Body=b"")
    s3 = Role(things, "deleter", allow("s3:DeleteObject", f"arn:aws:s3:::{BUCKET}/pictures/*")).client("s3")
    both = [{"Key": "pictures/old.png"}, {"Key": "secrets/b.txt"}]
    refused(s3.delete_objects, Bucket=BUCKET, Delete={"Objects": both})
    assert things.client("s3").head_object(Bucket=BUCKET, Key="pictures/old.png")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": both[:1]})


def test_an_encrypted_object_needs_its_key(things: SandboxProcess) -> None:
    s3, kms = things.client("s3"), things.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="iam-encrypted")
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket="iam-encrypted",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]
        },
    )
    writing = allow(["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], "arn:aws:s3:::iam-encrypted/*")
    here = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::iam-encrypted"}}
    without = Role(things, "keyless", writing).client("s3")
    writer = Role(things, "writer", writing, allow("kms:GenerateDataKey", key, Condition=here)).client("s3")
    reader = Role(things, "decrypter", writing, allow("kms:Decrypt", key)).client("s3")
    assert "kms:GenerateDataKey" in refused(without.put_object, Bucket="iam-encrypted", Key="k", Body=b"x")[1]
    writer.put_object(Bucket="iam-encrypted", Key="k", Body=b"x")
    assert f"kms:Decrypt on resource: {key}" in refused(writer.get_object, Bucket="iam-encrypted", Key="k")[1]
    assert reader.get_object(Bucket="iam-encrypted", Key="k")["Body"].read() == b"x"
    reader.delete_object(Bucket="iam-encrypted", Key="k")
    s3.delete_bucket(Bucket="iam-encrypted")


def test_an_index_is_another_resource_than_its_table(things: SandboxProcess) -> None:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
    dynamodb = Role(things, "querier", allow("dynamodb:Query", f"{table}/index/open")).client("dynamodb")
    condition = {"KeyConditionExpression": "id = :x", "ExpressionAttributeValues": {":x": {"S": "1"}}}
    refused(dynamodb.query, TableName=TABLE, **condition)
    with pytest.raises(ClientError) as error:  # the permission is there; the index is not
        dynamodb.query(TableName=TABLE, IndexName="open", **condition)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_what_nobody_wrote_down_the_permissions_of_is_refused_by_name(things: SandboxProcess) -> None:
    role = Role(things, "everything", allow("*", "*"))
    with pytest.raises(ClientError) as error:
        role.client("events").list_rules()
    assert error.value.response["Error"]["Code"] == "NotImplemented"
    assert "which permissions events:ListRules needs is not known" in str(error.value)


def test_a_policy_that_changes_holds_from_the_next_call_on(things: SandboxProcess) -> None:
    role = Role(things, "changing", allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"))
    s3 = role.client("s3")
    s3.get_object(Bucket=BUCKET, Key="pictures/a.png")
    things.client("iam").delete_role_policy(RoleName="changing", PolicyName="own")
    refused(s3.get_object, Bucket=BUCKET, Key="pictures/a.png")
    things.client("iam").delete_role(RoleName="changing")
    refused(s3.get_object, Bucket=BUCKET, Key="pictures/a.png")


def test_a_temporary_key_without_its_token_is_nobodys(things: SandboxProcess) -> None:
    role = Role(things, "tokenless", allow("*", "*"))
    code, _ = refused(role.client("s3", token="another").get_object, Bucket=BUCKET, Key="pictures/a.png")
    assert code == "UnrecognizedClient"


def fetched(link: str) -> int:
    try:
        with urllib.request.urlopen(link, timeout=10) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_link_is_for_one_object_a_short_while_and_for_as_long_as_its_signer_may(
    things: SandboxProcess,
) -> None:
    role = Role(things, "signer", allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/pictures/*"))
    s3 = role.client("s3")

    def link(key: str, seconds: int = 60) -> str:
        given = {"Bucket": BUCKET, "Key": key, "ResponseContentType": "image/png"}
        return str(s3.generate_presigned_url("get_object", Params=given, ExpiresIn=seconds))

    good, short = link("pictures/a.png"), link("pictures/a.png", seconds=1)
    assert fetched(good) == 200
    assert fetched(good.replace("a.png", "b.png")) == 403
    assert fetched(good.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")) == 403
    assert fetched(good.replace("image%2Fpng", "text%2Fhtml")) == 403
    # What it may not read it may sign, and nobody gets it.
    assert fetched(link("secrets/b.txt")) == 403
    time.sleep(2.1)
    assert fetched(short) == 403
    things.client("iam").delete_role_policy(RoleName="signer", PolicyName="own")
    assert fetched(good) == 403
