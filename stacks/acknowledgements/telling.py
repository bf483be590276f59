"""What is accepted of alarms, and of the topics that tell people."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import IConstruct

from stacks.acknowledgements.acknowledgement import Acknowledged, Acknowledgement, one

TO_PEOPLE = one(
    "Serverless-SNSRedrivePolicy",
    "A mail that did not arrive would wake nobody from a queue either. SNS retries it, the alarm stays in "
    "its state on the dashboard, and several addresses can be given.",
)


PART_OF_ANOTHER = one(
    "NIST.800.53.R5-CloudWatchAlarmAction",
    "A composite alarm has it in its rule and tells people once for all that one cause sets off; an action "
    "of its own would tell them again. The alarm paused keeps the composite ones quiet.",
)
TAKES_UPDATES_BACK = one(
    "NIST.800.53.R5-CloudWatchAlarmAction",
    "SageMaker watches it while an endpoint is updated, and takes the update back when it goes off: that is "
    "its action, which stands in the endpoint's deployment configuration.",
)


def of_alarms(scope: IConstruct, acknowledgement: Acknowledgement) -> Acknowledged:
    """Every alarm without an action in a stack."""
    for construct in scope.node.find_all():
        if isinstance(construct, cloudwatch.CfnAlarm) and not construct.alarm_actions:
            yield construct, acknowledgement


def of_subscriptions(scope: IConstruct) -> Acknowledged:
    """Every subscription by mail in a stack."""
    for construct in scope.node.find_all():
        if isinstance(construct, sns.CfnSubscription) and construct.protocol == "email":
            yield construct, TO_PEOPLE
