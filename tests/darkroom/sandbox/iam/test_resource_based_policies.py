"""Policies of resources: whom they name, what wins, and that a KMS key is its own gate-keeper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.sandbox.iam.policy import PolicyError, parse_of_resource
from darkroom.sandbox.iam.principal_element import Naming, Requester, principals_of
from darkroom.sandbox.iam.resource_policy import Said, said
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.darkroom.sandbox.iam.test_iam_enforcement import ACCOUNT, Role, allow, refused

ROLE = f"arn:aws:iam::{ACCOUNT}:role/painter"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/painter/one"
PAINTER = Requester(ACCOUNT, frozenset((ROLE, SESSION)))
SNS = Requester(service="sns.amazonaws.com")
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:notes"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": principal,
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        **more,
    }


def says(requester: Requester, *statements: dict[str, Any], **context: str) -> Said:
    return said(parse_of_resource(document(*statements)), requester, "sqs:SendMessage", QUEUE, context)


NAMED: dict[str, tuple[Any, Requester, Naming]] = {
    "everybody": ("*", PAINTER, Naming.ITSELF),
    "everybody, as an account": ({"AWS": "*"}, PAINTER, Naming.ITSELF),
    "everybody is a service, too": ({"AWS": "*"}, SNS, Naming.ITSELF),
    "a role": ({"AWS": ROLE}, PAINTER, Naming.ITSELF),
    "a session": ({"AWS": ["arn:aws:iam::1:role/x", SESSION]}, PAINTER, Naming.ITSELF),
    "another role": ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/paint"}, PAINTER, Naming.NOT),
    "the account": ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, PAINTER, Naming.ACCOUNT),
    "the account's number": ({"AWS": ACCOUNT}, PAINTER, Naming.ACCOUNT),
    "the account itself": ({"AWS": ACCOUNT}, Requester(ACCOUNT), Naming.ITSELF),
    "another account": ({"AWS": "210987654321"}, PAINTER, Naming.NOT),
    "a service": ({"Service": "sns.amazonaws.com"}, SNS, Naming.ITSELF),
    "another service": ({"Service": "events.amazonaws.com"}, SNS, Naming.NOT),
    "a service is no account": ({"AWS": ACCOUNT}, SNS, Naming.NOT),
    "a role is no service": ({"Service": "sns.amazonaws.com"}, PAINTER, Naming.NOT),
}


@pytest.mark.parametrize("case", NAMED)
def test_whom_a_principal_names(case: str) -> None:
    element, requester, naming = NAMED[case]
    assert principals_of(element).naming(requester) is naming


@pytest.mark.parametrize("element", [{"Federated": "x"}, {"CanonicalUser": "x"}, "somebody", None])
def test_a_principal_that_is_not_known_is_refused_by_name(element: Any) -> None:
    with pytest.raises(PolicyError, match=r"principals of the kind|would be right"):
        parse_of_resource(document(statement(element)))


def test_a_resource_s_statement_has_a_principal() -> None:
    without = statement("*")
    del without["Principal"]
    with pytest.raises(PolicyError, match="Principal"):
        parse_of_resource(document(without))
    with pytest.raises(PolicyError, match="NotPrincipal"):
        parse_of_resource(document({**statement("*"), "NotPrincipal": "*"}))


def test_a_service_is_let_in_for_its_source_alone() -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:done"
    held = statement({"Service": "sns.amazonaws.com"}, Condition={"ArnLike": {"aws:SourceArn": [topic]}})
    assert says(SNS, held, **{"aws:SourceArn": topic}).grants
    assert says(SNS, held, **{"aws:SourceArn": f"{topic}-others"}) == Said()
    assert says(SNS, held) == Said()


@given(
    st.permutations(
        [
            statement("*"),
            statement(ROLE),
            statement("*", "Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}),
        ]
    )
)
def test_a_deny_wins_wherever_it_stands_and_only_where_its_condition_holds(statements: list[Any]) -> None:
    statements = [{**one, "Principal": {"AWS": one["Principal"]}} for one in statements]
    assert says(PAINTER, *statements, **{"aws:SecureTransport": "false"}) == Said(denied=True)
    assert says(PAINTER, *statements, **{"aws:SecureTransport": "true"}).grants


TLS = {"NumericLessThan": {"s3:TlsVersion": 1.2}}


@pytest.mark.parametrize(
    ("version", "denied"), [("1.0", True), ("1.1", True), ("1.2", False), ("1.3", False)]
)
def test_numbers_are_compared_as_numbers(version: str, denied: bool) -> None:
    deny = statement({"AWS": "*"}, "Deny", Condition=TLS)
    assert says(PAINTER, deny, **{"s3:TlsVersion": version}).denied is denied


def test_the_account_named_is_no_grant_by_itself() -> None:
    found = says(PAINTER, statement({"AWS": ACCOUNT}))
    assert not found.grants
    assert found.handed_over


@pytest.fixture(scope="module")
def queue(local_aws: SandboxProcess) -> Iterator[str]:
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName="notes")["QueueUrl"]
    yield str(url)
    sqs.delete_queue(QueueUrl=url)


def put_queue_policy(aws: SandboxProcess, url: str, *statements: dict[str, Any]) -> None:
    policy = document(*statements) if statements else ""
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def test_a_queue_s_policy_lets_a_role_in_or_keeps_it_out(local_aws: SandboxProcess, queue: str) -> None:
    sending = Role(local_aws, "sender", allow("sqs:SendMessage", QUEUE))
    nobody = Role(local_aws, "painter")
    refused(nobody.client("sqs").send_message, QueueUrl=queue, MessageBody="x")
    put_queue_policy(local_aws, queue, statement({"AWS": nobody.arn}))
    nobody.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    sending.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    put_queue_policy(local_aws, queue, statement({"AWS": "*"}, "Deny", Action="sqs:*"))
    _, message = refused(sending.client("sqs").send_message, QueueUrl=queue, MessageBody="x")
    assert message.endswith("with an explicit deny in a resource-based policy")
    put_queue_policy(local_aws, queue)
    [entry] = [one for one in local_aws.permissions() if one["policy"] == QUEUE]
    assert (entry["role"], entry["action"], entry["count"]) == (nobody.arn, "sqs:SendMessage", 1)
    assert json.loads(entry["statement"]) == statement({"AWS": nobody.arn})


def test_what_is_said_of_one_role_in_a_bucket_s_policy_is_not_said_of_all(local_aws: SandboxProcess) -> None:
    s3, bucket = local_aws.client("s3"), "arn:aws:s3:::iam-shared"
    s3.create_bucket(Bucket="iam-shared")
    s3.put_object(Bucket="iam-shared", Key="k", Body=b"x")
    kept_out, other = (
        Role(local_aws, name, allow("s3:GetObject", f"{bucket}/*")) for name in ("kept-out", "let-be")
    )
    deny = {
        "Effect": "Deny",
        "Principal": {"AWS": kept_out.arn},
        "Action": "s3:GetObject",
        "Resource": f"{bucket}/*",
    }
    secure = {
        **deny,
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Condition": {**TLS, "Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="iam-shared", Policy=document(deny, secure))
    assert other.client("s3").get_object(Bucket="iam-shared", Key="k")["Body"].read() == b"x"
    _, message = refused(kept_out.client("s3").get_object, Bucket="iam-shared", Key="k")
    assert "with an explicit deny in a resource-based policy" in message
    # Requests here stand for requests by TLS 1.3, and a policy that wants more is seen to.
    s3.put_bucket_policy(
        Bucket="iam-shared",
        Policy=document({**secure, "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.4}}}),
    )
    refused(other.client("s3").get_object, Bucket="iam-shared", Key="k")
    s3.delete_bucket_policy(Bucket="iam-shared")
    s3.delete_object(Bucket="iam-shared", Key="k")
    s3.delete_bucket(Bucket="iam-shared")


def test_a_key_whose_policy_does_not_name_the_account_is_used_by_nobody_it_does_not_name(
    local_aws: SandboxProcess,
) -> None:
    kms, topics = local_aws.client("kms"), local_aws.client("sns")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    topic = topics.create_topic(Name="encrypted", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    role = Role(
        local_aws,
        "publisher",
        allow("sns:Publish", topic),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], key),
    )
    role.client("sns").publish(TopicArn=topic, Message="by the default key policy")
    own = {"Effect": "Allow", "Principal": {"AWS": role.arn}, "Action": "kms:*", "Resource": "*"}
    other = {**own, "Principal": {"AWS": ROLE}}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(other))
    _, message = refused(role.client("sns").publish, TopicArn=topic, Message="x")
    assert f"kms:GenerateDataKey on resource: {key}" in message
    assert "because no resource-based policy allows the kms:GenerateDataKey action" in message
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(own))
    role.client("sns").publish(TopicArn=topic, Message="by its own name")
    topics.delete_topic(TopicArn=topic)
