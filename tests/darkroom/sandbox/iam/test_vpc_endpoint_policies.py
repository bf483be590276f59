"""What passes a VPC endpoint is bounded by its policy, whatever credentials a function was handed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.enforcement import AccessDeniedError
from darkroom.sandbox.iam.principals import Session, root_of
from darkroom.sandbox.iam.vpc_endpoints import require_of_attached, require_through
from darkroom.sandbox.network import Attachment, Endpoint
from darkroom.sandbox.process import REGION, SandboxProcess
from tests.darkroom.sandbox.iam.test_iam_enforcement import ACCOUNT
from tests.darkroom.sandbox.test_vpcs import Vpc

OTHER = "210987654321"
BUCKET, FOREIGN = "arn:aws:s3:::endpoint-own", "arn:aws:s3:::endpoint-foreign"
PAINTER = Session(f"arn:aws:iam::{ACCOUNT}:role/painter", "one")


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def passing(
    actions: str | list[str], resources: str, principal: Any = "*", **conditions: str
) -> dict[str, Any]:
    condition = {"Condition": {"StringEquals": conditions}} if conditions else {}
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": actions,
        "Resource": resources,
        **condition,
    }


@pytest.fixture
def _enforced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        monkeypatch.setattr(enforcement, "_enforcement", enforcement.Enforcement())
        yield


def endpoint(*statements: dict[str, Any], service: str = "s3", is_gateway: bool = True) -> Endpoint:
    return Endpoint("vpce-1", "vpc-1", f"com.amazonaws.{REGION}.{service}", is_gateway, document(*statements))


def refusal(session: Session, need: Need, *through: Endpoint) -> str | None:
    try:
        require_through(through, session, [need])
    except AccessDeniedError as error:
        return str(error)
    return None


READING = Need("s3:GetObject", f"{BUCKET}/k")


@pytest.mark.usefixtures("_enforced")
def test_every_endpoint_on_the_way_must_let_a_call_pass() -> None:
    wide, narrow = endpoint(passing("*", "*")), endpoint(passing("s3:PutObject", "*"))
    assert refusal(PAINTER, READING, wide) is None
    assert refusal(PAINTER, READING, wide, narrow) == (
        f"User: {PAINTER.arn} is not authorized to perform: s3:GetObject on "
        f"resource: {BUCKET}/k because no VPC endpoint policy allows the s3:GetObject action "
        f"(vpce-1, com.amazonaws.{REGION}.s3)"
    )
    deny = {**passing("s3:*", "*"), "Effect": "Deny"}
    assert "with an explicit deny in a VPC endpoint policy" in str(
        refusal(PAINTER, READING, endpoint(passing("*", "*"), deny))
    )


@pytest.mark.usefixtures("_enforced")
@pytest.mark.parametrize(
    ("service", "action", "passes"),
    [
        ("sagemaker.runtime", "sagemaker:InvokeEndpoint", False),
        ("bedrock-runtime", "bedrock:ApplyGuardrail", False),
        ("sqs", "sqs:SendMessage", False),
        # Done by S3 for the caller, and not through the endpoint.
        ("s3", "kms:Decrypt", True),
    ],
)
def test_an_endpoint_is_for_the_calls_of_its_own_service(service: str, action: str, passes: bool) -> None:
    nothing = endpoint(passing("s3:PutObject", "*"), service=service, is_gateway=False)
    assert (refusal(PAINTER, Need(action), nothing) is None) is passes


NAMES: list[tuple[Any, bool, bool]] = [
    ("*", True, True),
    ({"AWS": PAINTER.role}, False, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, False, True),
    ({"AWS": OTHER}, False, False),
]


@pytest.mark.usefixtures("_enforced")
@pytest.mark.parametrize(("principal", "by_gateway", "by_interface"), NAMES)
def test_a_gateway_endpoint_s_policy_names_everybody_or_nobody(
    principal: Any, by_gateway: bool, by_interface: bool
) -> None:
    statement = passing("s3:GetObject", "*", principal)
    assert (refusal(PAINTER, READING, endpoint(statement)) is None) is by_gateway
    assert (refusal(PAINTER, READING, endpoint(statement, is_gateway=False)) is None) is by_interface


@pytest.mark.usefixtures("_enforced")
def test_an_account_s_own_keys_are_held_too() -> None:
    mine = endpoint(passing("s3:GetObject", "*", **{"aws:PrincipalAccount": ACCOUNT}))
    assert refusal(root_of(ACCOUNT), READING, mine) is None
    assert refusal(root_of(OTHER), READING, mine) is not None


@pytest.mark.usefixtures("_enforced")
def test_what_sagemaker_does_through_its_subnets_must_pass() -> None:
    ec2 = boto3.client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.3.0.0/25")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[tables[0]["RouteTableId"]],
        PolicyDocument=document(passing("s3:GetObject", f"{BUCKET}/*")),
    )["VpcEndpoint"]["VpcEndpointId"]
    inside = Attachment(ACCOUNT, REGION, (subnet,), (group,))
    require_of_attached(inside, PAINTER.role, "SageMaker", [READING])
    with pytest.raises(AccessDeniedError, match=f"no VPC endpoint policy allows the s3:PutObject.*{made}"):
        require_of_attached(inside, PAINTER.role, "SageMaker", [Need("s3:PutObject", f"{BUCKET}/k")])
    # What is not attached goes another way.
    require_of_attached(None, PAINTER.role, "SageMaker", [Need("s3:PutObject", f"{BUCKET}/k")])


CODE = """
import urllib.error
import urllib.request
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})

def handler(event, context):
    if "answer" in event:
        request = urllib.request.Request(event["answer"], data=b"{}", method="PUT")
        try:
            return urllib.request.urlopen(request, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
    client = boto3.client(event["service"], config=CONFIG, **event.get("credentials", {}))
    try:
        getattr(client, event["call"])(**event["given"])
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return "answered"
"""


@pytest.fixture(scope="module")
def vpc(local_aws: SandboxProcess) -> Iterator[Vpc]:
    """A function in a VPC with a gateway endpoint for S3, one interface endpoint and two buckets."""
    made = Vpc(local_aws.client)
    made.let_out(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    made.let_in()
    made.function("bounded", CODE)
    local_aws.client("s3").create_bucket(Bucket="endpoint-own")
    # A client of its own: what it says of itself must not be said by anybody else's.
    theirs = boto3.client(
        "s3",
        REGION,
        endpoint_url=local_aws.url,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )
    theirs.meta.events.register(
        "before-sign.s3",
        lambda request, **_: request.headers.add_header("x-moto-account-id", OTHER),
    )
    theirs.create_bucket(Bucket="endpoint-foreign")
    yield made
    local_aws.client("lambda").delete_function(FunctionName="bounded")
    for client, name in ((local_aws.client("s3"), "endpoint-own"), (theirs, "endpoint-foreign")):
        for one in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=one["Key"])
        client.delete_bucket(Bucket=name)


def asked(vpc: Vpc, **event: Any) -> Any:
    answer = vpc.client("lambda").invoke(FunctionName="bounded", Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def put(vpc: Vpc, bucket: str, **credentials: str) -> Any:
    given = {"Bucket": bucket, "Key": "k", "Body": "picture"}
    return asked(vpc, service="s3", call="put_object", given=given, credentials=credentials)


@pytest.fixture
def to_s3(vpc: Vpc) -> Iterator[Callable[[str], str]]:
    """Makes a gateway endpoint with a policy, for one test."""
    made: list[str] = []

    def make(policy: str) -> str:
        made.append(vpc.gateway("s3", policy=policy))
        return made[-1]

    yield make
    vpc.ec2.delete_vpc_endpoints(VpcEndpointIds=made)


OWN = {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}


def test_a_function_brings_nothing_to_another_account_with_whatever_keys_it_was_handed(
    vpc: Vpc, local_aws: SandboxProcess, to_s3: Callable[[str], str]
) -> None:
    id = to_s3(document(passing(["s3:PutObject", "s3:GetObject"], "*", **OWN)))
    assert put(vpc, "endpoint-own") == "answered"
    code, message = put(vpc, "endpoint-foreign")
    assert code == "AccessDenied"
    assert f"because no VPC endpoint policy allows the s3:PutObject action ({id}, " in message
    session = local_aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{OTHER}:role/thief", RoleSessionName="thief"
    )["Credentials"]
    stolen = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    for bucket in ("endpoint-own", "endpoint-foreign"):
        assert "no VPC endpoint policy" in put(vpc, bucket, **stolen)[1]
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=document(passing("s3:PutObject", "*")))
    # Another account's bucket takes its owner's leave, too.
    assert "because no resource-based policy allows the s3:PutObject" in put(vpc, "endpoint-foreign")[1]


def test_an_endpoint_narrowed_lets_pass_what_it_still_names(
    vpc: Vpc, local_aws: SandboxProcess, to_s3: Callable[[str], str]
) -> None:
    id = to_s3(document(passing("s3:GetObject", f"{BUCKET}/*")))
    assert f"({id}, com.amazonaws.{REGION}.s3)" in put(vpc, "endpoint-own")[1]
    vpc.ec2.modify_vpc_endpoint(
        VpcEndpointId=id, PolicyDocument=document(passing("s3:PutObject", f"{BUCKET}/*"))
    )
    assert put(vpc, "endpoint-own") == "answered"
    used = [one for one in local_aws.permissions() if one["policy"] == id]
    assert [(one["action"], one["pattern"]) for one in used] == [("s3:PutObject", f"{BUCKET}/*")]


def test_a_json_service_refuses_in_its_own_words(vpc: Vpc) -> None:
    url = vpc.client("sqs").create_queue(QueueName="bounded")["QueueUrl"]
    vpc.interface("sqs", policy=document(passing("sqs:SendMessage", "*", {"AWS": OTHER})))
    sending = {"service": "sqs", "call": "send_message", "given": {"QueueUrl": url, "MessageBody": "x"}}
    code, message = asked(vpc, **sending)
    assert code.startswith("AccessDenied")
    assert "because no VPC endpoint policy allows the sqs:SendMessage action" in message
    vpc.client("sqs").delete_queue(QueueUrl=url)


def test_a_custom_resource_answers_where_the_endpoint_lets_cloudformation_s_links_pass(
    vpc: Vpc, local_aws: SandboxProcess, to_s3: Callable[[str], str]
) -> None:
    link = f"{local_aws.url}/_darkroom/cloudformation/answers/none"
    id = to_s3(document(passing("s3:PutObject", "*", **OWN)))
    assert asked(vpc, answer=link) == 403
    answers = f"arn:aws:s3:::cloudformation-custom-resource-response-{REGION.replace('-', '')}/*"
    vpc.ec2.modify_vpc_endpoint(VpcEndpointId=id, PolicyDocument=document(passing("s3:PutObject", answers)))
    assert asked(vpc, answer=link) != 403
