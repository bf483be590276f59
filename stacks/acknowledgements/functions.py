"""What is accepted of every function and its role."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import INLINE, Acknowledged, nist_and_pci, one, wildcard
from stacks.python_function import PythonFunction

TRACING = "X-Ray's PutTraceSegments and PutTelemetryRecords take no resource: IAM has only * for them."
ATTACHED = (
    "Network interfaces have no ids before Lambda makes them, describing them takes no resource, and a "
    "condition keeps the function's own code from using these permissions."
)
MODERATING = (
    "The one resource that rekognition:DetectModerationLabels takes is a custom adapter's model, of which "
    "there is none here."
)
STAR = "Serverless-LambdaStarPermissions"
ATTACHING = (
    "What attaches the function to its private subnets is allowed on *, and only where "
    "lambda:SourceFunctionArn is absent, which is never in a call that the function's code makes."
)
CONCURRENCY = one(
    "NIST.800.53.R5-LambdaConcurrency",
    "A new account may have ten executions in all, of which Lambda lets none be reserved, so that a "
    "reservation would fail the deployment. The API is throttled before the functions, and each is safe "
    "beside itself.",
)
OUTSIDE = nist_and_pci(
    "LambdaInsideVPC",
    "The function calls AWS's APIs alone, over TLS, and nothing can call into it but Lambda. A campaign with "
    "`network: isolated` puts it into private subnets; a public one has no interface endpoints to pay for.",
)
# Why a function has no dead-letter queue of its own, by who invokes it.
ANSWERS_CALLER = (
    "API Gateway invokes it and waits for the answer: nothing is queued that could be lost, and a caller who "
    "gets a 5xx asks again. Dead-letter queues are for asynchronous invocations."
)
READS_QUEUE = (
    "SQS keeps a note until the function has taken it in, and reconciliation begins another attempt for a "
    "job whose note is gone. Dead-letter queues of functions are for asynchronous invocations."
)
ANSWERS_CLOUDFORMATION = (
    "CloudFormation waits for its answer and fails the stack without one; Lambda's own two retries come "
    "first. A message in a queue of a stack that is being deleted would be read by nobody."
)


def of_function(
    function: PythonFunction, *, attached: bool, no_dead_letters: str | None, moderates: bool = False
) -> Acknowledged:
    """``no_dead_letters`` says why it has no dead-letter queue, if it has none."""
    yield function.role, INLINE
    without_resource = [TRACING, *([ATTACHED] if attached else []), *([MODERATING] if moderates else [])]
    yield function.role, wildcard("*", " ".join(without_resource))
    yield function.function, CONCURRENCY
    if not attached:
        yield function.function, OUTSIDE
    if attached or moderates:
        reasons = [*([ATTACHING] if attached else []), *([MODERATING] if moderates else [])]
        yield function.role, one(STAR, " ".join(reasons))
    if no_dead_letters is not None:
        yield function.function, one("Serverless-LambdaDLQ", no_dead_letters)
        yield function.function, one("NIST.800.53.R5-LambdaDLQ", no_dead_letters)
