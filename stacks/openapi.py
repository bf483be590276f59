"""The OpenAPI document of the HTTP API: what the edge validates with, and what a client reads.

OpenAPI 3.0.1 with API Gateway's extensions. API Gateway validates bodies with JSON schema draft 4. A method
response's status is three digits for it (its API's type StatusCode), so none is called ``default`` here.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from darkroom.campaign import ResolvedCampaign
from stacks.authorizers import API_KEY, PATHS, Authorizer

PROMPT_MAXIMUM = 1000
SEED_MAXIMUM = 2**32 - 1
PROBLEM_TYPE = "application/problem+json"

Document = dict[str, Any]

# No control characters, of either of Unicode's two ranges of them.
_PRINTABLE = r"[^\u0000-\u001f\u007f-\u009f]"


def request_rules(campaign: ResolvedCampaign) -> Document:
    """What a request may ask of the campaign's model, and what it gets by default (REQUEST_RULES)."""
    width, height = campaign.size
    steps, guidance = campaign.recipe.steps, campaign.recipe.guidance_scale
    return {
        "prompt_maximum": PROMPT_MAXIMUM,
        "sizes": [list(size) for size in campaign.recipe.sizes],
        "width": width,
        "height": height,
        "steps": {"minimum": steps.minimum, "maximum": steps.maximum, "default": campaign.steps},
        "guidance_scale": {
            "minimum": guidance.minimum,
            "maximum": guidance.maximum,
            "default": campaign.guidance_scale,
        },
    }


def openapi_document(
    *, title: str, rules: Document, integration_uri: str, authorizer: Authorizer = API_KEY
) -> Document:
    """The document of one campaign's API.

    Parameters
    ----------
    title
        The API's name.
    rules
        What :func:`request_rules` says.
    integration_uri
        API Gateway's ARN of the function that answers every request.
    authorizer
        How a caller says who asks.
    """
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "paths": {
            "/v1/images": {"post": _post(integration_uri, authorizer)},
            "/v1/images/{id}": {"get": _get(integration_uri, authorizer)},
        },
        "components": {
            "schemas": {
                "ImageRequest": _image_request(rules),
                "Job": _JOB,
                "Problem": _PROBLEM,
            },
            "securitySchemes": {authorizer.name: dict(authorizer.scheme)},
        },
        "x-amazon-apigateway-api-key-source": "HEADER",
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "all",
        "x-amazon-apigateway-gateway-responses": _gateway_responses(rules, authorizer),
    }


def _post(integration_uri: str, authorizer: Authorizer) -> Document:
    return {
        "operationId": "askForImage",
        "security": [{authorizer.name: list(authorizer.scopes)}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImageRequest"}}},
        },
        "responses": {
            "200": _answer("The picture is there."),
            "202": _answer("The picture is being drawn.", headers=("Location", "Retry-After")),
            **_refusals(400, 403, *authorizer.statuses, 413, 415, 422, 429, 503),
        },
        "x-amazon-apigateway-integration": _integration(integration_uri),
    }


def _get(integration_uri: str, authorizer: Authorizer) -> Document:
    return {
        "operationId": "readJob",
        "security": [{authorizer.name: list(authorizer.scopes)}],
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            }
        ],
        "responses": {"200": _answer("The job."), **_refusals(400, 403, *authorizer.statuses, 404, 429, 503)},
        "x-amazon-apigateway-integration": _integration(integration_uri),
    }


def _integration(uri: str) -> Document:
    # API Gateway invokes Lambda by POST, whatever the method of the API. It passes every content type on (a
    # proxy integration has no passthrough behaviour to choose) and validates application/json alone: another
    # one is the function's to refuse.
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}


def _image_request(rules: Document) -> Document:
    """The body of a request. Which widths go with which heights is the function's to say."""
    text = {"type": "string", "maxLength": rules["prompt_maximum"], "pattern": f"^{_PRINTABLE}*$"}
    widths, heights = zip(*rules["sizes"], strict=True)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["prompt"],
        "properties": {
            "prompt": {**text, "minLength": 1, "pattern": rf"^{_PRINTABLE}*\S{_PRINTABLE}*$"},
            "negative_prompt": text,
            "seed": {"type": "integer", "minimum": 0, "maximum": SEED_MAXIMUM},
            "steps": {"type": "integer", **_range(rules["steps"])},
            "guidance_scale": {"type": "number", **_range(rules["guidance_scale"])},
            "width": {"type": "integer", "enum": sorted(set(widths))},
            "height": {"type": "integer", "enum": sorted(set(heights))},
        },
    }


def _range(rule: Document) -> Document:
    return {"minimum": rule["minimum"], "maximum": rule["maximum"]}


_TIME = {"type": "string", "format": "date-time"}
_JOB: Document = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "status": {"type": "string", "enum": ["queued", "done", "failed"]},
        "cache": {"type": "string", "enum": ["hit", "miss", "coalesced"]},
        "reason": {"type": "string"},
        "picture": {
            "type": "object",
            "properties": {
                "url": {"type": "string"},
                "content_type": {"type": "string"},
                "expires_at": _TIME,
            },
        },
        "created_at": _TIME,
        "completed_at": _TIME,
    },
}
_PROBLEM: Document = {
    "type": "object",
    "required": ["type", "title", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def _answer(description: str, headers: tuple[str, ...] = ()) -> Document:
    answer: Document = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
    }
    if headers:
        answer["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return answer


def _refusals(*statuses: int) -> Document:
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: a problem (RFC 9457).",
            "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def _gateway_responses(rules: Document, authorizer: Authorizer) -> Document:
    """What the edge answers itself, as problems too.

    The reason of a refused body is ours: API Gateway's own, ``$context.error.validationErrorString``, repeats
    the text that breaks a rule (``string "..." is too long``), and a prompt is never repeated.
    """
    message = "$context.error.messageString"  # with its own quotes
    return {
        "BAD_REQUEST_BODY": _problem(400, _body_rules(rules)),
        **{kind: _problem(status, detail) for kind, (status, detail) in authorizer.refusals.items()},
        "RESOURCE_NOT_FOUND": _problem(404, PATHS),
        "WAF_FILTERED": _problem(403, "The firewall lets no request like this in from this address now."),
        "QUOTA_EXCEEDED": _problem(429, "The quota of this API key is used up for today."),
        "REQUEST_TOO_LARGE": _problem(413, "The body is larger than any valid request."),
        "THROTTLED": _problem(429, "Too many requests at once: try again shortly."),
        # Of several statuses, which no context variable of a gateway response tells: status may be left out.
        "DEFAULT_4XX": _gateway_response("Request refused", message),
        "DEFAULT_5XX": _gateway_response("The service failed", message),
    }


def _body_rules(rules: Document) -> str:
    sizes = ", ".join(f"{width}x{height}" for width, height in rules["sizes"])
    return (
        f"The body must be a JSON object with a prompt of 1 to {rules['prompt_maximum']} characters, none of "
        f"them a control character, and where wanted negative_prompt (the same), seed (0 to {SEED_MAXIMUM}), "
        f"steps ({_span(rules['steps'])}), guidance_scale ({_span(rules['guidance_scale'])}), width and "
        f"height ({sizes}). It must have no other field."
    )


def _span(rule: Document) -> str:
    return f"{rule['minimum']:g} to {rule['maximum']:g}"


def _problem(status: int, detail: str) -> Document:
    response = _gateway_response(HTTPStatus(status).phrase, json.dumps(detail), status)
    return {"statusCode": str(status), **response}


def _gateway_response(title: str, detail: str, status: int | None = None) -> Document:
    """A gateway response; ``detail`` is JSON, for a context variable brings its own quotes."""
    number = "" if status is None else f' "status": {status},'
    body = f'{{"type": "about:blank", "title": "{title}",{number} "detail": {detail}}}'
    return {
        "responseParameters": {"gatewayresponse.header.Content-Type": f"'{PROBLEM_TYPE}'"},
        "responseTemplates": {"application/json": body},
    }
