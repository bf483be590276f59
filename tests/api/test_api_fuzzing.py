"""Whatever is sent to the API: no 5xx, an answer that its own document knows, nothing left by what was refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from tests.api.requests_to_fuzz import requests_to_fuzz
from tests.api.served_api import ACCOUNT, DOCUMENT, REGION, Answered, Sent, ServedApi, served
from tests.lambda_functions.conftest import campaign, clients, printed
from tests.lambda_functions.local_campaign import Campaign

__all__ = ["campaign", "clients", "printed"]

EXAMPLES, SOAK_EXAMPLES = 300, 20_000
PROBLEM = "application/problem+json"


@pytest.fixture
def api(campaign: Campaign, tmp_path: Path) -> Iterator[ServedApi]:
    with served(tmp_path) as running:
        yield running


@pytest.fixture
def fuzz(
    api: ServedApi, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> Callable[[int], Counter[int]]:
    """Send so many requests and hold every answer to the rules; returns how often each status came."""

    def run(examples: int) -> Counter[int]:
        statuses: Counter[int] = Counter()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(requests_to_fuzz(api.key))
        def send(sent: Sent) -> None:
            before = _state(campaign)
            capsys.readouterr()
            answer, operation = _ask(api, sent)
            statuses[answer.status] += 1
            logged = capsys.readouterr().out
            _check_answer(sent, answer, operation)
            if answer.status >= 400:
                assert _state(campaign) == before, f"{sent} was refused and left something"
                assert '"CacheHits"' not in logged and '"CacheMisses"' not in logged
            _check_log(sent, logged)

        send()
        return statuses

    return run


def test_no_request_gets_more_than_a_documented_answer_or_leaves_a_trace_when_refused(
    fuzz: Callable[[int], Counter[int]],
) -> None:
    statuses = fuzz(EXAMPLES)
    print(sorted(statuses.items()))
    assert sum(statuses.values()) >= EXAMPLES * 0.9
    # The strategies reach what they are for.
    assert {200, 202, 400, 403, 404, 413, 415} <= statuses.keys()


@pytest.mark.soak
def test_no_request_of_twenty_thousand_gets_more_than_a_documented_answer(
    fuzz: Callable[[int], Counter[int]],
) -> None:
    statuses = fuzz(SOAK_EXAMPLES)
    print(sorted(statuses.items()))
    assert sum(statuses.values()) >= SOAK_EXAMPLES


def _ask(api: ServedApi, sent: Sent) -> tuple[Answered, dict[str, Any] | None]:
    """The answer, and the document's operation that it is held to; None for a path or method that has none."""
    path = sent.path.split("?")[0]
    if sent.direct and path == "/v1/images":
        answer = api.call_function(sent, "/v1/images", None)
        return answer, DOCUMENT["paths"]["/v1/images"].get(
            sent.method.lower() if sent.method.isupper() else ""
        )
    method = sent.method.upper()  # the server's own reading: methods are case-sensitive, WSGI's are not
    if path == "/v1/images":
        return api.send(sent), DOCUMENT["paths"]["/v1/images"].get(method.lower())
    head, _, last = path.rpartition("/")
    known = head == "/v1/images" and bool(last)
    return api.send(sent), DOCUMENT["paths"]["/v1/images/{id}"].get(method.lower()) if known else None


def _check_answer(sent: Sent, answer: Answered, operation: dict[str, Any] | None) -> None:
    where = f"{sent} was answered {answer.status} {answer.body[:300]!r}"
    assert answer.status < 500, where
    if sent.method.upper() == "HEAD":
        assert answer.body == b"", where
        return
    if operation is None:
        assert answer.status in (403, 404, 405, 413), where
        _check_schema(answer, "Problem", PROBLEM)
        return
    documented = operation["responses"].get(str(answer.status))
    assert documented is not None, f"not documented: {where}"
    ((media_type, content),) = documented["content"].items()
    _check_schema(answer, content["schema"]["$ref"].rsplit("/", 1)[-1], media_type)
    for name in documented.get("headers", {}):
        assert answer.headers.get(name.lower()), f"no {name}: {where}"
    if answer.status >= 400:
        _check_nothing_repeated(sent, answer)


def _check_schema(answer: Answered, name: str, media_type: str) -> None:
    assert answer.headers["content-type"].split(";")[0] == media_type
    document = answer.json()
    schema = {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
    jsonschema.Draft4Validator(schema).validate(document)
    if media_type == PROBLEM:
        assert document.get("status", answer.status) == answer.status


def _check_nothing_repeated(sent: Sent, answer: Answered) -> None:
    """A refusal never says the prompt again."""
    prompt = _prompt(sent)
    if prompt is not None:
        shown = json.dumps(answer.json(), ensure_ascii=False)
        assert prompt not in shown, f"{sent} was repeated: {shown}"


def _check_log(sent: Sent, logged: str) -> None:
    """Nor does a line of the log, which is one JSON document a line, whatever a prompt holds."""
    for line in logged.splitlines():
        json.loads(line)
    prompt = _prompt(sent)
    assert prompt is None or (prompt not in logged and json.dumps(prompt)[1:-1] not in logged)


def _prompt(sent: Sent) -> str | None:
    """The prompt, where it is long enough that only repeating it would show it."""
    try:
        prompt = json.loads(sent.body)["prompt"]
    except (ValueError, RecursionError, KeyError, TypeError, IndexError):
        return None
    return prompt if isinstance(prompt, str) and len(prompt.strip()) >= 8 else None


def _state(campaign: Campaign) -> tuple[Any, ...]:
    """Rows, objects and calls of the endpoint: everything that a request could leave."""
    table = dynamodb_backends[ACCOUNT][REGION].tables["jobs"]
    buckets = s3_backends[ACCOUNT]["aws"].buckets.values()
    rows = tuple(sorted((key, len(str(item.attrs))) for key, item in _items(table)))
    return rows, sum(len(bucket.keys) for bucket in buckets), len(campaign.endpoint.asked)


def _items(table: Any) -> Iterator[tuple[str, Any]]:
    for key, found in table.items.items():
        yield str(key), found
