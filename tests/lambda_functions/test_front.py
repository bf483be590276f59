"""What a client of the API sees."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.lambda_functions.local_campaign import Campaign

REFUSAL = 'Received client error (400) from primary with message "request refused: steps must be even".'


def body(response: dict[str, Any]) -> Any:
    return json.loads(response["body"])


def client_error(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "InvokeEndpointAsync",
    )


def test_a_new_request_is_queued_and_handed_to_the_endpoint_in_canonical_form(campaign: Campaign) -> None:
    response = campaign.post({"prompt": "  a red fox ", "guidance_scale": 7})
    assert response["statusCode"] == 202
    document = body(response)
    assert document["status"] == "queued"
    assert document["cache"] == "miss"
    assert document["created_at"] == "2027-01-15T08:00:00.000Z"
    assert response["headers"]["Location"] == f"images/{document['id']}"
    assert int(response["headers"]["Retry-After"]) > 0
    assert campaign.endpoint.inputs == {
        f"{document['id']}.1": {
            "prompt": "a red fox",
            "negative_prompt": "",
            "seed": 0,
            "steps": 4,
            "guidance_scale": 7.0,
            "width": 128,
            "height": 128,
        }
    }


def test_the_same_request_while_it_is_drawn_is_coalesced(campaign: Campaign) -> None:
    first = body(campaign.post({"prompt": "a red fox"}))
    campaign.time += 1
    second = campaign.post({"prompt": "a red fox", "seed": 0})
    assert second["statusCode"] == 202
    assert body(second) == {**first, "cache": "coalesced"}
    assert len(campaign.endpoint.asked) == 1


def test_the_same_request_after_it_is_drawn_is_a_hit_with_a_link_to_the_picture(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    response = campaign.post({"prompt": "a red fox"})
    assert response["statusCode"] == 200
    assert body(response)["cache"] == "hit"
    assert body(response)["status"] == "done"
    picture = body(response)["picture"]
    assert picture["content_type"] == "image/png"
    assert picture["expires_at"] == "2027-01-15T08:10:00.000Z"
    link = urlsplit(picture["url"])
    query = parse_qs(link.query)
    assert link.netloc == "demo-pictures.s3.amazonaws.com"
    assert f"s3://demo-pictures{link.path}" == campaign.endpoint.output(f"{job_id}.1")
    assert query["response-content-type"] == ["image/png"]
    assert query["X-Amz-Expires"] == ["600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert len(campaign.endpoint.asked) == 1


def test_a_hit_costs_one_read_of_the_table_and_nothing_else(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    calls: list[str] = []
    clients = (campaign.dynamodb, campaign.s3)

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    for client in clients:
        client.meta.events.register("before-call", note)
    assert campaign.post({"prompt": "a red fox"})["statusCode"] == 200
    for client in clients:
        client.meta.events.unregister("before-call", note)
    assert calls == ["GetItem"]


def test_the_link_is_signed_for_the_regions_own_host(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    from image_api.aws import make_clients
    from image_api.links import picture_link
    from image_api.s3_location import S3Location

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    link = picture_link(make_clients().s3, S3Location("demo-pictures", "pictures/a.out"), 60)
    assert urlsplit(link).netloc == "demo-pictures.s3.eu-west-1.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:5000")
    link = picture_link(make_clients().s3, S3Location("demo-pictures", "pictures/a.out"), 60)
    assert urlsplit(link)[:3] == ("http", "localhost:5000", "/demo-pictures/pictures/a.out")


def test_a_job_is_looked_up_from_queued_to_done(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    assert body(campaign.get(job_id))["status"] == "queued"
    campaign.time += 8
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    document = body(campaign.get(job_id))
    assert document["status"] == "done"
    assert document["completed_at"] == "2027-01-15T08:00:08.000Z"
    assert "cache" not in document


def test_a_failed_job_says_why_and_is_tried_anew_when_asked_for_again(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    document = body(campaign.get(job_id))
    assert document["status"] == "failed"
    assert document["reason"] == "The model refused the request: steps must be even"
    again = campaign.post({"prompt": "a red fox"})
    assert (again["statusCode"], body(again)["cache"]) == (202, "miss")
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]


def test_an_expired_picture_counts_as_absent_though_its_row_is_still_there(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.1"))
    campaign.time += 3601
    assert campaign.get(job_id)["statusCode"] == 404
    again = campaign.post({"prompt": "a red fox"})
    assert (again["statusCode"], body(again)["cache"]) == (202, "miss")
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]
    assert "expires_at" not in campaign.row(), "DynamoDB must not delete a job that is under way"


def test_a_hundred_posts_of_one_new_request_at_once_are_one_inference(campaign: Campaign) -> None:
    together = threading.Barrier(20)

    def post(number: int) -> dict[str, Any]:
        if number < 20:
            together.wait()
        return campaign.post({"prompt": "a red fox"})

    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(post, range(100)))
    assert {response["statusCode"] for response in responses} == {202}
    assert len({body(response)["id"] for response in responses}) == 1
    assert sorted(body(response)["cache"] for response in responses) == ["coalesced"] * 99 + ["miss"]
    assert len(campaign.endpoint.asked) == 1
    assert len(campaign.rows()) == 1
    assert sum(campaign.metric("CacheMisses")) == 1
    assert sum(campaign.metric("CacheHits")) == sum(campaign.metric("CoalescedRequests")) == 99
    assert campaign.metric("NumberOfInferenceRequests") == [1.0] * 100


def test_a_hundred_posts_of_a_failed_request_at_once_are_one_more_attempt(campaign: Campaign) -> None:
    job_id = body(campaign.post({"prompt": "a red fox"}))["id"]
    campaign.notify(campaign.endpoint.fail(f"{job_id}.1", REFUSAL))
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: campaign.post({"prompt": "a red fox"}), range(100)))
    assert campaign.endpoint.asked == [f"{job_id}.1", f"{job_id}.2"]


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException", 400),
        client_error("ServiceUnavailable", 503),
        EndpointConnectionError(endpoint_url="https://runtime.sagemaker"),
    ],
    ids=["throttled", "out of service", "out of reach"],
)
def test_an_endpoint_that_does_not_answer_leaves_the_job_to_reconciliation(
    campaign: Campaign, error: Exception
) -> None:
    campaign.endpoint.error = error
    response = campaign.post({"prompt": "a red fox"})
    assert response["statusCode"] == 202
    campaign.endpoint.error = None
    campaign.time += 61
    campaign.reconcile()
    job_id = body(response)["id"]
    assert campaign.endpoint.asked == [f"{job_id}.2"]
    campaign.notify(campaign.endpoint.draw(f"{job_id}.2"))
    assert body(campaign.get(job_id))["status"] == "done"


def test_an_endpoint_that_refuses_is_a_503_and_a_job_that_says_why(campaign: Campaign) -> None:
    campaign.endpoint.error = client_error("ValidationError", 400)
    response = campaign.post({"prompt": "a red fox"})
    assert response["statusCode"] == 503
    assert int(response["headers"]["Retry-After"]) > 0
    assert response["headers"]["Content-Type"] == "application/problem+json"
    row = campaign.row()
    assert row["state"] == "failed"
    assert "ValidationError" in row["reason"]
    campaign.endpoint.error = None
    assert campaign.post({"prompt": "a red fox"})["statusCode"] == 202


def test_a_table_that_does_not_answer_is_a_503(campaign: Campaign) -> None:
    campaign.dynamodb.delete_table(TableName="jobs")
    for response in (campaign.post({"prompt": "a red fox"}), campaign.get("0" * 32)):
        assert response["statusCode"] == 503
        assert body(response)["status"] == 503


@pytest.mark.parametrize(
    ("event", "status", "header"),
    [
        ({"httpMethod": "GET"}, 405, ("Allow", "POST")),
        ({"httpMethod": "DELETE"}, 405, ("Allow", "POST")),
        ({"resource": "/v1/images/{id}", "pathParameters": {"id": "0" * 32}}, 405, ("Allow", "GET")),
        ({"resource": "/v2/images"}, 404, None),
        ({"headers": {"content-type": "text/plain"}}, 415, ("Accept", "application/json")),
        ({"headers": {"CONTENT-TYPE": "application/json; charset=latin-1"}}, 415, None),
        ({"headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 415, None),
    ],
)
def test_a_wrong_method_place_or_content_type_is_refused(
    campaign: Campaign, event: dict[str, Any], status: int, header: tuple[str, str] | None
) -> None:
    response = campaign.post({"prompt": "a red fox"}, **event)
    assert response["statusCode"] == status
    assert response["headers"]["Content-Type"] == "application/problem+json"
    if header:
        assert response["headers"][header[0]] == header[1]
    assert campaign.rows() == []


@pytest.mark.parametrize("headers", [None, {}, {"content-type": 'Application/JSON; charset="UTF-8"'}])
def test_json_by_any_of_its_names_is_taken(campaign: Campaign, headers: dict[str, str] | None) -> None:
    assert campaign.post({"prompt": "a red fox"}, headers=headers)["statusCode"] == 202


def test_a_body_that_api_gateway_encoded_is_the_same_request(campaign: Campaign) -> None:
    text = json.dumps({"prompt": "ein Füchslein"}, ensure_ascii=False)
    encoded = base64.b64encode(text.encode()).decode()
    first = campaign.post(encoded, raw=True, isBase64Encoded=True)
    assert body(first)["id"] == body(campaign.post(text, raw=True))["id"]


@pytest.mark.parametrize(
    "job_id",
    [
        "",
        "x",
        "../../etc/passwd",
        "0" * 31,
        "0" * 33,
        "A" * 32,
        "0" * 32 + "\n",
        "%2e%2e%2f" * 4,
        "\u0660" * 32,
    ],
)
def test_an_id_that_is_none_is_refused(campaign: Campaign, job_id: str) -> None:
    assert campaign.get(job_id)["statusCode"] == 400


def test_an_unknown_id_is_not_found(campaign: Campaign) -> None:
    assert campaign.get("0" * 32)["statusCode"] == 404


def test_requests_that_differ_in_anything_are_different_jobs(campaign: Campaign) -> None:
    base = {"prompt": "a red fox"}
    others: list[dict[str, Any]] = [
        {},
        {"prompt": "a Red fox"},
        {"negative_prompt": "blue"},
        {"seed": 1},
        {"steps": 5},
        {"guidance_scale": 5.5},
        {"height": 256},
    ]
    ids = {body(campaign.post({**base, **other}))["id"] for other in others}
    assert len(ids) == len(others)
