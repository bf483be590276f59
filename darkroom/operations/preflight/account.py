"""The account: who asks, where, and what the region must have before any campaign."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.exceptions

from darkroom.operations.preflight.finding import Finding, ok, problem, warning
from darkroom.operations.preflight.situation import Situation
from darkroom.operations.tags import CAMPAIGN

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"


def credentials(situation: Situation) -> Iterator[Finding]:
    """The credentials are those of the account that the file names, and the tool looks at its region."""
    wanted = situation.campaign.file.environment
    account = situation.client("sts").get_caller_identity()["Account"]
    subject = "account and region"
    if account != wanted.account:
        yield problem(
            subject,
            f"the credentials are of account {account}, the campaign's is {wanted.account}",
            "Use the other account's credentials (AWS_PROFILE), or correct environment.account.",
        )
    elif situation.session.region_name not in (None, wanted.region):
        yield warning(
            subject,
            f"the environment says {situation.session.region_name}, the campaign {wanted.region}",
            f"cdk deploys to {wanted.region} all the same; set AWS_REGION to it for `darkroom`.",
        )
    else:
        yield ok(subject, f"{account} in {wanted.region}")


def bootstrap(situation: Situation) -> Iterator[Finding]:
    """The CDK's own stack is there, and as recent as the templates want it."""
    subject, where = "CDK bootstrap", situation.campaign.file.environment
    do = f"Run `cdk bootstrap aws://{where.account}/{where.region}`."
    try:
        found = situation.client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"]
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        yield problem(subject, f"there is none in {where.account}/{where.region}", do)
        return
    needed = _bootstrap_needed(situation)
    if int(found) < needed:
        yield problem(subject, f"version {found}, and the templates need {needed}", do)
    else:
        yield ok(subject, f"version {found}")


def _bootstrap_needed(situation: Situation) -> int:
    """One more than the versions that the templates' own rule refuses."""
    refused = [
        int(version)
        for template in situation.templates.values()
        for rule in template.get("Rules", {}).values()
        for assertion in rule["Assertions"]
        for version in assertion["Assert"]["Fn::Not"][0]["Fn::Contains"][0]
    ]
    return max(refused, default=0) + 1


def api_log_role(situation: Situation) -> Iterator[Finding]:
    """API Gateway may write access logs, which is a setting of the whole region."""
    if not situation.campaign.file.api.access_logs:
        return
    role = situation.client("apigateway").get_account().get("cloudwatchRoleArn")
    if role:
        yield ok("API Gateway's log role", role)
    else:
        yield problem(
            "API Gateway's log role",
            "the region has none, and api.access_logs needs it",
            "Make a role with the managed policy AmazonAPIGatewayPushToCloudWatchLogs and set it: `aws "
            "apigateway update-account --patch-operations op=replace,path=/cloudwatchRoleArn,value=ARN`.",
        )


def cost_tag(situation: Situation) -> Iterator[Finding]:
    """The bill can be told apart by campaign. Only the payer's account sees that."""
    subject, key = "cost-allocation tag", CAMPAIGN
    tags = situation.session.client("ce", region_name="us-east-1").list_cost_allocation_tags(TagKeys=[key])
    states = [tag["Status"] for tag in tags["CostAllocationTags"]]
    if states == ["Active"]:
        yield ok(subject, f"{key} is active")
        return
    now = states[0].lower() if states else "unknown to Cost Explorer"
    yield warning(
        subject,
        f"{key} is {now}: the bill does not tell campaigns apart",
        "A day after the first deployment: `aws ce update-cost-allocation-tags-status "
        f"--cost-allocation-tags-status TagKey={key},Status=Active`, in the organisation's paying account.",
    )
