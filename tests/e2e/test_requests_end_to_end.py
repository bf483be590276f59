"""What a client of a deployed campaign sees."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from darkroom.demo.client import ImageApi, download
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e


def test_a_thousand_posts_of_one_new_request_at_once_are_one_job_and_one_inference(demo: Deployment) -> None:
    jobs_before = len(demo.jobs())
    request = {"prompt": "a thousand people want the same poster"}

    answers = demo.ask_at_once([request] * 1000)

    assert Counter(answer.status for answer in answers).keys() <= {200, 202}
    assert Counter(answer.body["cache"] for answer in answers)["miss"] == 1
    [job_id] = {answer.body["id"] for answer in answers}
    assert demo.api.wait(job_id, deadline_seconds=90).body["status"] == "done"
    assert len(demo.jobs()) == jobs_before + 1
    assert demo.drawn()[job_id] == 1


def test_a_picture_is_asked_for_drawn_linked_and_then_served_from_the_cache(demo: Deployment) -> None:
    request = {"prompt": "zebra in the snow", "seed": 3, "steps": 2, "negative_prompt": "grass"}
    first = demo.api.ask(request)
    assert (first.status, first.body["cache"]) == (202, "miss")
    assert first.headers["location"].endswith(first.body["id"])

    done = demo.api.wait(first.body["id"], deadline_seconds=90)
    picture = download(done.body["picture"]["url"])
    again = demo.api.ask(request)

    assert picture.startswith(b"\x89PNG")
    assert b"zebra in the snow" in picture
    assert (again.status, again.body["cache"]) == (200, "hit")
    assert download(again.body["picture"]["url"]) == picture
    assert demo.drawn()[first.body["id"]] == 1


def test_another_seed_is_another_picture(demo: Deployment) -> None:
    ids = [demo.api.ask({"prompt": "quiet lake", "seed": seed}).body["id"] for seed in (1, 2)]
    links = [demo.api.wait(one, deadline_seconds=90).body["picture"]["url"] for one in ids]
    assert download(links[0]) != download(links[1])


_BAD_BODIES: dict[str, bytes] = {
    "malformed JSON": b'{"prompt": ',
    "not an object": b"[1, 2]",
    "nothing": b"",
    "no prompt": b'{"seed": 1}',
    "an empty prompt": b'{"prompt": "  "}',
    "a prompt that is no string": b'{"prompt": 17}',
    "an over-long prompt": json.dumps({"prompt": "x" * 100_000}).encode(),
    "control characters": b'{"prompt": "a\\u0000b\\u001b[2J"}',
    "a lone surrogate": b'{"prompt": "\\ud800"}',
    "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
    "a huge number": b'{"prompt": "p", "seed": 1e400}',
    "a huge integer": b'{"prompt": "p", "seed": ' + b"9" * 5000 + b"}",
    "NaN": b'{"prompt": "p", "guidance_scale": NaN}',
    "a boolean for a number": b'{"prompt": "p", "steps": true}',
    "steps beyond the model's": b'{"prompt": "p", "steps": 1000}',
    "a size that was not compiled": b'{"prompt": "p", "width": 333}',
    "an unknown field": b'{"prompt": "p", "model": "../../etc/passwd"}',
    "a field twice": b'{"prompt": "p", "prompt": "q"}',
    "deep nesting": b'{"prompt": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
}


@pytest.mark.parametrize("what", _BAD_BODIES)
def test_a_bad_body_is_refused_with_a_reason_and_nothing_is_written(demo: Deployment, what: str) -> None:
    before = demo.written()
    status, headers, body = _send(demo, "POST", "/v1/images", _BAD_BODIES[what])
    assert 400 <= status < 500, (status, body)
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"]
    assert demo.written() == before


_BAD_CALLS = {
    "an id that climbs": ("GET", "/v1/images/..%2F..%2Fsecrets", {}),
    "an id that climbs, plainly": ("GET", "/v1/images/../../secrets", {}),
    "an id that is no id": ("GET", "/v1/images/%00", {}),
    "an id in capitals": ("GET", "/v1/images/" + "A" * 32, {}),
    "an unknown id": ("GET", "/v1/images/" + "0" * 32, {}),
    "a wrong method": ("DELETE", "/v1/images", {}),
    "another wrong method": ("PUT", "/v1/images/" + "0" * 32, {}),
    "a wrong path": ("GET", "/v2/everything", {}),
    "a wrong content type": ("POST", "/v1/images", {"content-type": "text/xml"}),
    "a form": ("POST", "/v1/images", {"content-type": "application/x-www-form-urlencoded"}),
}


@pytest.mark.parametrize("what", _BAD_CALLS)
def test_a_bad_call_is_a_4xx_with_a_reason_and_nothing_is_written(demo: Deployment, what: str) -> None:
    before = demo.written()
    method, path, headers = _BAD_CALLS[what]
    status, _, body = _send(demo, method, path, b'{"prompt": "p"}' if method == "POST" else b"", headers)
    assert 400 <= status < 500, (status, body)
    assert json.loads(body)
    assert demo.written() == before


@pytest.mark.parametrize("key", ["", "wrong", "x" * 4000])
def test_without_a_right_key_nothing_runs(demo: Deployment, key: str) -> None:
    before = demo.written(), _log_lines(demo, "front")
    answer = ImageApi(demo.url, key).ask({"prompt": "let me in"})
    assert answer.status == 403
    assert (demo.written(), _log_lines(demo, "front")) == before


def test_what_is_logged_names_the_job_and_never_the_prompt_or_the_key(demo: Deployment) -> None:
    answer = demo.api.ask({"prompt": "confidential-prompt-7f3a"})
    demo.api.wait(answer.body["id"], deadline_seconds=90)
    text = "\n".join(_log_lines(demo))
    assert answer.body["id"] in text
    assert "confidential-prompt-7f3a" not in text
    assert demo.key not in text


def _send(
    demo: Deployment, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request as the bytes say: no client library that would tidy it up."""
    url = urlsplit(demo.url)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    given = {"x-api-key": demo.key, "content-type": "application/json", **(headers or {})}
    try:
        connection.request(method, url.path + path, body, given)
        response = connection.getresponse()
        answered = {name.lower(): value for name, value in response.getheaders()}
        return response.status, answered, response.read()
    finally:
        connection.close()


def _log_lines(demo: Deployment, function: str = "") -> list[str]:
    """Every line of the campaign's log groups with ``function`` in their name."""
    logs: Any = demo.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    lines = []
    for group in groups:
        if demo.name in group and function in group:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            lines += [event["message"] for page in pages for event in page["events"]]
    return lines
