"""What is accepted of the topics that tell people."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from constructs import IConstruct

from stacks.acknowledgements.acknowledgement import Acknowledged, one

TO_PEOPLE = one(
    "Serverless-SNSRedrivePolicy",
    "A mail that did not arrive would wake nobody from a queue either. SNS retries it, the alarm stays in "
    "its state on the dashboard, and several addresses can be given.",
)


def of_subscriptions(scope: IConstruct) -> Acknowledged:
    """Every subscription by mail in a stack."""
    for construct in scope.node.find_all():
        if isinstance(construct, sns.CfnSubscription) and construct.protocol == "email":
            yield construct, TO_PEOPLE
