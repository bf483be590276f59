"""The function behind the API: POST /v1/images and GET /v1/images/{id}."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api import image_request, json_body, problem, progress, tracing
from image_api.application import Application, build
from image_api.invocation import invocation
from image_api.job import Job
from image_api.job_document import job_document
from image_api.moderation import refusal
from image_api.moderation.unavailable import ModerationUnavailableError
from image_api.problem import Problem
from image_api.telemetry import Metrics, describe, logger, metrics_of

_JOB_ID = re.compile(r"[0-9a-f]{32}")
# Seconds after which asking again is worth while: a picture takes single-digit seconds, an outage longer.
_RETRY_QUEUED = "5"
_RETRY_UNAVAILABLE = "30"
_RETRY_PAUSED = "300"

Response = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Response:
    """Answer one Lambda proxy event of the REST API; never raises.

    A wrong request is a 4xx, AWS in trouble a 503 with Retry-After, and a fault of ours a 500.
    """
    app = _application()
    with invocation("front", context), metrics_of(app.settings.campaign) as metrics:
        try:
            return _route(app, event, metrics)
        except Problem as refused:
            logger.info(
                "request refused", status=refused.status, rules=[error.rule for error in refused.errors]
            )
            return _refusal(refused)
        except ModerationUnavailableError as error:
            logger.error("prompt not looked at", cause=str(error))
            return _refusal(_unavailable("The service can't look at the prompt now."))
        except (ClientError, BotoCoreError) as error:
            logger.error("AWS does not answer", **describe(error))
            return _refusal(_unavailable("The service can't reach its job table."))
        except Exception as error:
            # Not raised: the runtime would log its text, which may repeat the request.
            logger.error("request not answered", **describe(error))
            return _refusal(Problem(500, "The service failed; the fault is on its side."))


def _route(app: Application, event: Mapping[str, Any], metrics: Metrics) -> Response:
    method = event.get("httpMethod")
    resource = event.get("resource")
    if resource == "/v1/images":
        if method != "POST":
            raise Problem(405, "Images are asked for with POST.", headers={"Allow": "POST"})
        return _post_image(app, event, metrics)
    if resource == "/v1/images/{id}":
        if method != "GET":
            raise Problem(405, "An image request is looked up with GET.", headers={"Allow": "GET"})
        return _get_image(app, (event.get("pathParameters") or {}).get("id") or "")
    raise Problem(404, "There is nothing here; POST /v1/images and GET /v1/images/{id} are what there is.")


def _post_image(app: Application, event: Mapping[str, Any], metrics: Metrics) -> Response:
    _check_content_type(event.get("headers") or {})
    rules = app.settings.request_rules
    body = json_body.read(
        event.get("body"), is_base64=event.get("isBase64Encoded") is True, maximum=rules.body_maximum
    )
    request = image_request.parse(body, rules)
    # Each time, before the cache is looked into: the list may have grown since the picture was drawn.
    if app.prompts is not None and app.prompts.blocks(request.prompt):
        raise _moderated(refusal.prompt_refused("words"), metrics)
    job_id = request.job_id(app.drawn_by)
    tracing.annotate(job_id=job_id)
    now = app.now()
    # Half the price of a consistent read, and enough: a stale row leads to a write that its condition stops.
    job = app.jobs.get(job_id, consistent=False)
    if job is None or job.is_claimable(now):
        _check_not_paused(app, now)
        # A cached picture's prompt has passed the guardrail in force: it is part of the job's id.
        if app.prompts is not None and app.prompts.guardrail_intervenes(request.prompt):
            raise _moderated(refusal.prompt_refused("guardrail"), metrics)
        claim = app.jobs.claim(job_id, request.canonical_json(), job, now, tracing.here())
        if claim.won:
            return _miss(app, claim.job, metrics)
        job = claim.job
    return _hit(app, job, metrics)


def _moderated(refused: Problem, metrics: Metrics) -> Problem:
    metrics.count("PromptsRefused")
    return refused


def _hit(app: Application, job: Job, metrics: Metrics) -> Response:
    """A request served from the cache: its picture is there, or being drawn for who asked first."""
    if job.is_refused:
        raise _moderated(refusal.picture_refused(job.job_id), metrics)
    metrics.count("NumberOfInferenceRequests")
    metrics.count("CacheHits")
    if job.state == "done":
        logger.info("cache hit", job_id=job.job_id)
        return _answer(200, {**job_document(app, job), "cache": "hit"})
    metrics.count("CoalescedRequests")
    logger.info("cache hit, coalesced", job_id=job.job_id)
    return _queued(app, job, "coalesced")


def _miss(app: Application, job: Job, metrics: Metrics) -> Response:
    """A request that this invocation has to hand to the backend."""
    metrics.count("NumberOfInferenceRequests")
    metrics.count("CacheMisses")
    logger.info("cache miss", job_id=job.job_id, attempt=job.attempt)
    try:
        outcome = progress.submit(app, job, metrics)
    except (ClientError, BotoCoreError) as error:
        # Noting the outcome failed, after the claim was written: reconciliation takes the job on from there.
        logger.error("submission not noted", job_id=job.job_id, **describe(error))
        outcome = "unconfirmed"
    if outcome == "refused":
        # The job has failed with its reason, so the next post of this request tries anew.
        raise _unavailable("The model's endpoint does not take requests now.")
    return _queued(app, job, "miss")


def _get_image(app: Application, job_id: str) -> Response:
    if not _JOB_ID.fullmatch(job_id):
        raise Problem(400, "An id is 32 lower-case hexadecimal digits, as POST /v1/images answers it.")
    tracing.annotate(job_id=job_id)
    # Consistent: who has just been given the id must not be told that it is unknown.
    job = app.jobs.get(job_id, consistent=True)
    if job is None or job.is_expired(app.now()):
        raise Problem(
            404, "No image request has this id, or its picture has expired; post the request again."
        )
    logger.info("looked up", job_id=job_id, state=job.state)
    return _answer(200, job_document(app, job))


def _check_not_paused(app: Application, now: float) -> None:
    if app.jobs.pause(now).is_paused:
        raise Problem(
            503,
            "The campaign is paused: pictures that are there are served, new ones are not drawn. "
            "Try again later.",
            headers={"Retry-After": _RETRY_PAUSED},
        )


def _check_content_type(headers: Mapping[str, str]) -> None:
    named = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    if not named:
        return  # API Gateway, too, takes a body of no type for JSON
    media_type, _, parameters = named.partition(";")
    charset = parameters.replace('"', "").strip().lower()
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Problem(
            415,
            "The content type must be application/json, in UTF-8.",
            headers={"Accept": "application/json"},
        )


def _unavailable(detail: str) -> Problem:
    return Problem(503, f"{detail} Try again later.", headers={"Retry-After": _RETRY_UNAVAILABLE})


def _queued(app: Application, job: Job, cache_state: str) -> Response:
    # Relative to /v1/images, whatever stage or domain stands before that (RFC 9110, 10.2.2).
    headers = {"Location": f"images/{job.job_id}", "Retry-After": _RETRY_QUEUED}
    return _answer(202, {**job_document(app, job), "cache": cache_state}, headers=headers)


def _refusal(refused: Problem) -> Response:
    return _answer(refused.status, refused.as_dict(), problem.CONTENT_TYPE, refused.headers)


def _answer(
    status: int,
    document: Mapping[str, Any],
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    return {
        "statusCode": status,
        # A link must not be kept by anything between here and the client.
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store", **(headers or {})},
        "body": json.dumps(document),
        "isBase64Encoded": False,
    }


@cache
def _application() -> Application:
    return build(os.environ, moderates="prompts")


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _application()  # in Lambda's init phase, which has a whole core
