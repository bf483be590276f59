"""What is accepted of the API stack."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import (
    KEYS_OF_JOBS,
    Acknowledged,
    Acknowledgement,
    nist_and_pci,
    objects,
    one,
    wildcard,
)
from stacks.acknowledgements.functions import ANSWERS_CALLER, READS_QUEUE, of_function
from stacks.campaign_stage import CampaignStage
from stacks.python_function import PythonFunction

DEAD_LETTERS = one(
    "Serverless-SQSRedrivePolicy",
    "This is the dead-letter queue of the others; what lies in it wakes somebody by an alarm.",
)
DRAWINGS = Acknowledgement(
    ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"),
    "A note of a job that nobody could draw is worth nothing by itself: the job's row says the same, and "
    "reconciliation hands the job over again or fails it with a reason.",
)
MAPPING = one(
    "Serverless-LambdaEventSourceMappingDestination",
    "Lambda has on-failure destinations for streams; from an SQS queue a message that was not taken in goes "
    "back to the queue by itself, and the function reports each that it could not handle.",
)
EDGE_LOGGING = Acknowledgement(
    ("AwsSolutions-APIG1", "Serverless-APIGWAccessLogging"),
    "Access logs need API Gateway's log role, one setting for the whole account and region: a campaign that "
    "made it would break the others when destroyed. `api.access_logs: true` turns them on where the role is.",
)
EXECUTION_LOGGING = nist_and_pci(
    "APIGWExecutionLoggingEnabled",
    "Execution logs would write prompts into CloudWatch; no prompt is logged anywhere. Metrics and X-Ray "
    "traces are on, and the functions log every request by its job id.",
    "AwsSolutions-APIG6",
)
REQUEST_VALIDATION = one(
    "AwsSolutions-APIG2",
    "The OpenAPI document validates bodies and parameters (x-amazon-apigateway-request-validators); the rule "
    "only sees AWS::ApiGateway::RequestValidator resources.",
)
NO_FIREWALL = nist_and_pci(
    "APIGWAssociatedWithWAF",
    "`api.firewall.enabled: false` in the campaign's file: who operates it wants no web ACL, which costs by "
    "the month. Every method still authorizes its caller, is throttled, and validates bodies at the edge.",
    "AwsSolutions-APIG3",
)
MADE_KEYS = (
    "API Gateway makes the ids of keys; a condition holds this to keys that are tagged with the campaign."
)
NO_CACHE = nist_and_pci(
    "APIGWCacheEnabledAndEncrypted",
    "The stage keeps no cache, so nothing in one could be read: a POST is never cached, and a GET's answer "
    "changes while a picture is drawn and holds a link for its caller. Pictures are cached in S3, encrypted.",
)
NO_CLIENT_CERTIFICATE = nist_and_pci(
    "APIGWSSLEnabled",
    "A client certificate proves API Gateway to an HTTP backend. Both integrations are Lambda functions, "
    "which API Gateway invokes with its own signed call, and whose policies name this API alone.",
)


def of_api(stage: CampaignStage) -> Acknowledged:
    """The edge, the functions, the queues."""
    api = stage.api
    yield api.dead_letters, DEAD_LETTERS
    yield api.http.api, REQUEST_VALIDATION
    for each in (EXECUTION_LOGGING, NO_CACHE, NO_CLIENT_CERTIFICATE):
        yield api.http.stage, each
    if api.http.firewall is None:
        yield api.http.stage, NO_FIREWALL
    if not stage.campaign.file.api.access_logs:
        yield api.http.stage, EDGE_LOGGING
    if api.drawings is not None:
        yield api.drawings, DRAWINGS
    if api.mapping is not None:
        yield api.mapping, MAPPING
    if api.api_keys is not None:
        yield from of_function(api.api_keys.function, attached=False, no_dead_letters=None)
        yield api.api_keys.function.role, wildcard(api.resolve(api.api_keys.made_keys), MADE_KEYS)
    moderates = _moderates_pictures(stage)
    attached = stage.data.network is not None
    for function, no_dead_letters, prefixes in _functions(stage):
        yield from of_function(
            function,
            attached=attached,
            moderates=moderates and function is not api.front,
            no_dead_letters=no_dead_letters,
        )
        for prefix in prefixes:
            bucket = stage.data.payloads if prefix == "payloads" else stage.data.pictures
            yield function.role, objects(bucket, f"{prefix}/*", KEYS_OF_JOBS, user=api)


def _moderates_pictures(stage: CampaignStage) -> bool:
    """Whether what ends jobs asks Rekognition first, which reads pictures by the function's permission."""
    moderation = stage.campaign.file.moderation
    return moderation is not None and moderation.pictures is not None


def _functions(stage: CampaignStage) -> list[tuple[PythonFunction, str | None, tuple[str, ...]]]:
    """Each function, why it has no dead-letter queue, and the prefixes whose objects it may touch."""
    api = stage.api
    # A realtime campaign's requests are in the queue's notes and the table: nothing is written to payloads.
    payloads = () if api.drawings is not None else ("payloads",)
    found: list[tuple[PythonFunction, str | None, tuple[str, ...]]] = [
        (api.front, ANSWERS_CALLER, (*payloads, "pictures")),
        (api.reconciliation, None, (*payloads, "pictures", "failures")),
    ]
    if api.completion is not None:
        moderated = ("pictures",) if _moderates_pictures(stage) else ()
        found.append((api.completion, None, (*payloads, "failures", *moderated)))
    if api.drawing is not None:
        found.append((api.drawing, READS_QUEUE, ("pictures", "failures")))
    return found
